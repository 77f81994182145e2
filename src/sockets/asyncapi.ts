import { z } from 'zod'
import { catalogue } from '../events/catalogue.ts'
import { clientFrames } from './client-frames.ts'
import { clientFrameExamples, producerFrameExamples, serverFrameExamples } from './frame-examples.ts'
import { producerFrames } from './publish-frames.ts'
import { type ServerFrameType, serverFrames } from './server-frames.ts'

const ANYWHERE = ['connected', 'ping', 'pong', 'token_expiring', 'authenticated', 'error'] satisfies ServerFrameType[]
const ANY_STREAM = [
  ...ANYWHERE,
  ...(['subscribed', 'unsubscribed', 'gap', 'prediction_update', 'market_data_update', 'alert'] as const),
  ...(['degraded', 'restored', 'delivery_attempt'] as const),
] satisfies ServerFrameType[]
const CREDENTIAL = { token: { type: 'string', description: 'A JWT, an API key or a one-time ticket.' } }
const READING = {
  ...CREDENTIAL,
  snapshot: { enum: ['true', 'false'], description: 'The newest message first.' },
  since: { type: 'integer', description: 'Go on after this number; with epoch.' },
  epoch: { type: 'string' },
  user_since: { type: 'integer', description: 'The same of the stream of your own events; with user_epoch.' },
  user_epoch: { type: 'string' },
  conflate_ms: { enum: [100, 250, 500, 1000, 5000], description: 'On market-data: the newest price at most so often.' },
}

const EVENTS = { ...READING, last_event_id: { type: 'string', description: 'Go on after the event of this id.' } }

interface Address {
  address: string
  /** Server-Sent Events come by `http`. */
  server: 'ws' | 'http'
  sends: readonly ServerFrameType[]
  takes: readonly string[]
  query: object
}

/** What its path subscribes to is the first of its subscriptions: any other may join it. */
const stream = (address: string): Address => {
  const takes = Object.keys(clientFrames)
  return { address, server: 'ws', sends: ANY_STREAM, takes, query: READING }
}
const events = (address: string, ...sends: ServerFrameType[]): Address => {
  const always = ['connected', 'gap', 'token_expiring', 'closed'] as const
  return { address, server: 'http', sends: [...always, ...sends], takes: [], query: EVENTS }
}
const ADDRESSES: Record<string, Address> = {
  predictions: stream('/ws/predictions/{symbol}'),
  'market-data': stream('/ws/market-data/{symbol}'),
  alerts: stream('/ws/alerts'),
  many: stream('/ws'),
  'predictions-events': events('/api/v1/streams/predictions/{symbol}', 'prediction_update'),
  'market-data-events': events(
    '/api/v1/streams/market-data/{symbol}',
    ...(['market_data_update', 'degraded', 'restored'] as const),
  ),
  'alerts-events': events('/api/v1/streams/alerts', 'alert'),
  publish: {
    address: '/ws/publish',
    server: 'ws',
    sends: [...ANYWHERE, 'published', 'slow_down'],
    takes: ['pong', 'ping', 'auth', ...Object.keys(producerFrames)],
    query: CREDENTIAL,
  },
}

/** The streams as AsyncAPI 3 describes them: `send` is what the server sends, `receive` what it takes. */
export function asyncApiDocument(version: string): object {
  const server = entries(serverFrames, serverFrameExamples, 'server')
  const taken = { ...clientFrames, ...producerFrames }
  const client = entries(taken, { ...clientFrameExamples, ...producerFrameExamples }, 'client')
  return {
    asyncapi: '3.0.0',
    info: {
      ...{ title: 'ara-events streams', version, license: { name: 'MIT' } },
      description: 'Clients ignore types and fields that they do not know.',
    },
    defaultContentType: 'application/json',
    servers: {
      ws: { host: 'localhost:8000', protocol: 'ws' },
      http: { host: 'localhost:8000', protocol: 'http', description: 'Server-Sent Events' },
    },
    channels: Object.fromEntries(Object.entries(ADDRESSES).map(([name, about]) => [name, channel(about)])),
    operations: Object.fromEntries(Object.entries(ADDRESSES).flatMap(([name, about]) => operations(name, about))),
    components: { messages: Object.fromEntries([...server, ...client]), schemas: eventData() },
  }
}

function entries(schemas: Record<string, z.ZodType>, examples: Record<string, object>, side: string) {
  return Object.entries(schemas).map(([type, schema]) => {
    const payload = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    return [`${side}.${type}`, { name: type, payload, examples: [{ payload: examples[type] }] }] as const
  })
}

function channel({ address, server, sends, takes, query }: Address): object {
  const names = [...serverNames(sends), ...clientNames(takes)]
  return {
    address,
    servers: [{ $ref: `#/servers/${server}` }],
    ...(address.includes('{symbol}') ? { parameters: { symbol: { examples: ['AAPL', 'BTC-USD'] } } } : {}),
    messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    ...(server === 'ws' ? { bindings: { ws: get(query) } } : {}),
  }
}

function get(query: object): object {
  return { method: 'GET', query: { type: 'object', properties: query } }
}

function operations(name: string, { server, sends, takes, query }: Address): [string, object][] {
  const about = (action: string, messages: readonly string[]) => ({
    action,
    channel: { $ref: `#/channels/${name}` },
    messages: messages.map((message) => ({ $ref: `#/channels/${name}/messages/${message}` })),
  })
  const send: object = about('send', serverNames(sends))
  if (server === 'http') return [[`${name}.send`, { ...send, bindings: { http: get(query) } }]]
  return [
    [`${name}.send`, send],
    [`${name}.receive`, about('receive', clientNames(takes))],
  ]
}

function serverNames(types: readonly ServerFrameType[]): string[] {
  return types.map((type) => `server.${type}`)
}

function clientNames(types: readonly string[]): string[] {
  return types.map((type) => `client.${type}`)
}

function eventData(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(catalogue).map(([type, { data, description }]) => [
      `event.${type}`,
      { ...z.toJSONSchema(data, { io: 'input' }), description },
    ]),
  )
}
