import { catalogue, type EventType } from '../events/catalogue.ts'
import { ID, OPENED, SENT_HEADERS } from './example-things.ts'
import { camelCase, type Json, schemaOf } from './schema-of.ts'

const ABOUT: Record<keyof typeof SENT_HEADERS, string> = {
  'webhook-id': 'The same in every attempt.',
  'webhook-timestamp': 'When it was signed, in Unix seconds.',
  'webhook-signature': 'Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.',
  'X-Webhook-Signature': 'HMAC-SHA256 over the body, in hex.',
  'X-Webhook-Event': 'The type of the event.',
  'X-Webhook-Delivery': 'The delivery.',
  'X-Webhook-Attempt': 'The number of this attempt, from 1.',
  'Idempotency-Key': 'The delivery: handle it once.',
}

/** What a receiver of this type of event is sent, and should answer. */
export function describeReceived(type: EventType): Json {
  const { description, data, example } = catalogue[type]
  const sent = { ...SENT_HEADERS, 'X-Webhook-Event': type }
  const at = { event_id: ID.event, event_type: type, timestamp: OPENED }
  return {
    operationId: camelCase(['receive', ...type.split('_')]),
    tags: ['Events'],
    summary: description,
    security: [],
    parameters: Object.entries(sent).map(([name, example]) => ({
      ...{ name, in: 'header', required: true, schema: { type: 'string' }, example },
      description: ABOUT[name as keyof typeof ABOUT],
    })),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['data', 'event_id', 'event_type', 'timestamp'],
            properties: {
              data: schemaOf(data, 'output'),
              event_id: { type: 'string' },
              event_type: { const: type },
              timestamp: { type: 'string', format: 'date-time' },
            },
          },
          example: { data: example, ...at },
        },
      },
    },
    responses: {
      '2XX': { description: 'Delivered.' },
      410: { description: 'Gone for good: the webhook is turned off.' },
      429: { description: 'Tried again after `Retry-After`.' },
      default: { description: 'Tried again, with exponential backoff.' },
    },
  }
}
