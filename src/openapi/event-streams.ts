import { CONFLATE_MS } from '../streams/conflation.ts'
import { camelCase, type Json } from './schema-of.ts'

/*
 * The streams as Server-Sent Events. They are answered beside the routes, by the server of the sockets, so they are described here
 * and not in a definition.
 */
const QUERY: [name: string, schema: Json, description: string, example?: string][] = [
  ['token', { type: 'string' }, 'A JWT, an API key or a one-time ticket, for who cannot send headers.'],
  ['snapshot', { enum: ['true', 'false'], default: 'true' }, 'The newest message first.', 'true'],
  ['since', { type: 'integer', minimum: 0 }, 'Go on after this number; with epoch.', '41'],
  ['epoch', { type: 'string' }, 'Of the number in since.', '5f0c2b7e91aa'],
  ['user_since', { type: 'integer', minimum: 0 }, 'The same of the stream of your own events; with user_epoch.', '7'],
  ['user_epoch', { type: 'string' }, 'Of the number in user_since.', '5f0c2b7e91aa'],
  ['last_event_id', { type: 'string' }, 'As the header Last-Event-ID.', '5f0c2b7e91aa:41'],
]

const CONFLATE = {
  ...{ name: 'conflate_ms', in: 'query', required: false, schema: { type: 'integer', enum: [...CONFLATE_MS] } },
  ...{ description: 'The newest price at most so often. There are no ids then.', example: 250 },
}

const EVENTS = `retry: 1874

id: 5f0c2b7e91aa:42
data: {"type":"market_data_update","symbol":"AAPL","data":{"price":187.6},"timestamp":"2026-06-01T09:30:00.000Z","seq":42}

`

const STREAMS = [
  { path: '/api/v1/streams/predictions/{symbol}', what: 'Predictions of a symbol' },
  { path: '/api/v1/streams/market-data/{symbol}', what: 'Prices of a symbol' },
  { path: '/api/v1/streams/alerts', what: 'Alerts' },
]

/** @param errors the responses that a stream is refused with */
export function eventStreamPaths(errors: Json): Record<string, Json> {
  return Object.fromEntries(STREAMS.map(({ path, what }) => [path, { get: describe(path, what, errors) }]))
}

function describe(path: string, what: string, errors: Json): Json {
  const [channel = ''] = path.replace('/api/v1/streams/', '').split('/')
  return {
    operationId: camelCase(['stream', ...channel.split('-')]),
    tags: ['Streams'],
    summary: `${what}, as Server-Sent Events. The data of an event is a frame as /asyncapi.json describes it.`,
    security: [{ token: [] }, { apiKey: [] }, {}],
    'x-permission': 'streams:read',
    parameters: [
      ...(path.endsWith('{symbol}')
        ? [{ name: 'symbol', in: 'path', required: true, schema: { type: 'string' }, example: 'AAPL' }]
        : []),
      ...QUERY.map(([name, schema, description, example]) => ({
        ...{ name, in: 'query', required: false, schema, description },
        ...(example === undefined ? {} : { example }),
      })),
      ...(channel === 'market-data' ? [CONFLATE] : []),
      {
        ...{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } },
        ...{
          description: 'Go on after the event of this id. It counts for more than since.',
          example: '5f0c2b7e91aa:41',
        },
      },
    ],
    responses: {
      200: {
        description: 'Events until the stream or the token ends; the last one says why.',
        headers: { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } },
        content: { 'text/event-stream': { schema: { type: 'string' }, example: EVENTS } },
      },
      ...errors,
    },
  }
}
