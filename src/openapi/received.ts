import { catalogue, type EventType } from '../events/catalogue.ts'
import { ID_EXAMPLES, type Json, schemaOf } from './schema-of.ts'

/** What a receiver of this type of event is sent, and should answer. */
export function describeReceived(type: EventType): Json {
  const { description, data, example } = catalogue[type]
  const header = (name: string, about: string, shown: string) => {
    return { name, in: 'header', required: true, description: about, schema: { type: 'string' }, example: shown }
  }
  const id = ID_EXAMPLES['delivery'] ?? ''
  const at = { event_id: ID_EXAMPLES['event'], event_type: type, timestamp: '2026-06-01T09:30:00.000Z' }
  return {
    operationId: `receive${type
      .split('_')
      .map((word) => word[0]?.toUpperCase() + word.slice(1))
      .join('')}`,
    tags: ['Events'],
    summary: description,
    security: [],
    parameters: [
      header('webhook-id', 'The same in every attempt.', id),
      header('webhook-timestamp', 'When it was signed, in Unix seconds.', '1780306200'),
      header(
        'webhook-signature',
        'Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.',
        'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
      ),
      header('X-Webhook-Signature', 'HMAC-SHA256 over the body, in hex.', `sha256=${'0f'.repeat(32)}`),
      header('X-Webhook-Event', 'The type of the event.', type),
      header('X-Webhook-Delivery', 'The delivery.', id),
      header('X-Webhook-Attempt', 'The number of this attempt, from 1.', '1'),
      header('Idempotency-Key', 'The delivery: handle it once.', id),
    ],
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
