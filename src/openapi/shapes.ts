import { z } from 'zod'
import { DELIVERY_STATUSES } from '../deliveries/delivery-log.ts'
import { EVENT_TYPES } from '../events/catalogue.ts'
import { ROLES, TIERS } from '../identity/principal.ts'
import { RECOVERABLE } from '../recoveries/recovery.ts'
import { SIGNATURE_STYLES } from '../webhooks/webhook.ts'
import { headers, id, named, nextCursor, time } from './shape.ts'

export const ErrorAnswer = named(
  'Error',
  z.strictObject({
    error: z.string().describe('A snake_case word that programs may switch on.'),
    message: z.string().describe('For people; may change.'),
    details: z
      .union([z.array(z.strictObject({ path: z.string(), reason: z.string() })), z.record(z.string(), z.unknown())])
      .nullable()
      .describe('Of `validation_failed`: every field that is wrong.'),
    timestamp: time,
    request_id: z.string(),
  }),
)

const webhook = {
  id: id('wh'),
  user_id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  symbols: z.array(z.string()).nullable(),
  description: z.string().nullable(),
  active: z.boolean(),
  disabled_reason: z.string().nullable(),
  failing_since: time.nullable(),
  headers: z.record(z.string(), z.literal('***')).describe('The names of custom headers; their values are secret.'),
  signature_style: z.enum(SIGNATURE_STYLES),
  max_attempts: z.int(),
  secret_rotation: z.strictObject({ ends_at: time }).nullable(),
  created_at: time,
  updated_at: time,
  delivery_count: z.int(),
  success_count: z.int(),
  failure_count: z.int(),
  last_delivery_at: time.nullable(),
  last_delivery_status: z.string().nullable(),
}
export const Webhook = named('Webhook', z.strictObject(webhook))
const secret = z.string().describe('Shown in this answer only.')
export const WebhookMade = named('WebhookMade', z.strictObject({ ...webhook, secret: secret.optional() }))
export const WebhookRotated = named('WebhookRotated', z.strictObject({ ...webhook, secret }))
const offer = z.strictObject({ href: z.string(), since: time, status: z.literal('missing') })
export const WebhookChanged = named(
  'WebhookChanged',
  z.strictObject({ ...webhook, recovery: offer.optional().describe('After it was turned on again.') }),
)
export const WebhookPage = named('WebhookPage', z.strictObject({ webhooks: z.array(Webhook), next_cursor: nextCursor }))

const delivery = {
  id: id('dlv').describe('Also the Idempotency-Key and webhook-id of its requests.'),
  webhook_id: id('wh'),
  event_id: id('evt'),
  event_type: z.enum(EVENT_TYPES),
  status: z.enum(DELIVERY_STATUSES),
  attempt: z.int().describe('Attempts made; 0 before the first.'),
  max_attempts: z.int(),
  response_code: z.int().nullable(),
  response_body: z.string().nullable().describe('At most 16 KiB of it.'),
  error: z.string().nullable(),
  error_message: z.string().nullable(),
  duration_ms: z.int().nullable(),
  created_at: time,
  delivered_at: time.nullable(),
  next_retry_at: time.nullable(),
  held_back_until: time.nullable().describe('While a breaker holds it back.'),
  test: z.boolean(),
}
export const Delivery = named('Delivery', z.strictObject(delivery))
export const Attempt = named(
  'Attempt',
  z.strictObject({
    attempt: z.int(),
    status: z.enum(['started', 'success', 'failed', 'unknown', 'aborted', 'superseded']),
    started_at: time,
    finished_at: time.nullable(),
    duration_ms: z.int().nullable(),
    request: z.strictObject({
      method: z.literal('POST'),
      url: z.string().nullable(),
      headers: headers.nullable(),
      body: z.string(),
    }),
    response: z.strictObject({ status: z.int(), headers: headers.nullable(), body: z.string().nullable() }).nullable(),
    error: z.string().nullable(),
    error_message: z.string().nullable(),
  }),
)
export const DeliveryInFull = named('DeliveryInFull', z.strictObject({ ...delivery, attempts: z.array(Attempt) }))
export const DeliveryPage = named(
  'DeliveryPage',
  z.strictObject({ deliveries: z.array(Delivery), next_cursor: nextCursor }),
)
export const TestResult = named(
  'TestResult',
  z.strictObject({ message: z.string(), webhook_id: id('wh'), delivery: Delivery }),
)

const accepted = z.strictObject({
  event_id: id('evt'),
  event_type: z.enum(EVENT_TYPES),
  timestamp: time,
  deliveries: z.int().describe('How many webhooks it is owed to.'),
})
export const EventAccepted = named('EventAccepted', accepted)
export const BatchAccepted = named(
  'BatchAccepted',
  z.strictObject({ accepted: z.int(), events: z.array(EventAccepted) }),
)
export const PublicationAccepted = named('PublicationAccepted', z.strictObject({ accepted: z.int() }))

const event = {
  event_id: id('evt'),
  event_type: z.enum(EVENT_TYPES),
  timestamp: time,
  data: z.record(z.string(), z.unknown()),
  symbol: z.string().nullable(),
  user_id: z.string().optional().describe('Only of an event for one user.'),
  test: z.literal(true).optional(),
  accepted_at: time,
}
export const Event = named('Event', z.strictObject(event))
export const EventInFull = named(
  'EventInFull',
  z.strictObject({
    ...event,
    deliveries: z.array(Delivery),
    deliveries_truncated: z.boolean(),
  }),
)
export const EventPage = named('EventPage', z.strictObject({ events: z.array(Event), next_cursor: nextCursor }))
export const EventTypes = named(
  'EventTypes',
  z.strictObject({
    event_types: z.array(
      z.strictObject({
        event_type: z.enum(EVENT_TYPES),
        description: z.string(),
        system_only: z.boolean(),
        schema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of its data.'),
        example: z.record(z.string(), z.unknown()),
        streamed_as: z.strictObject({ channel: z.string(), type: z.string() }).nullable(),
      }),
    ),
  }),
)

export const Recovery = named(
  'Recovery',
  z.strictObject({
    id: id('rcv'),
    webhook_id: id('wh'),
    recovers: z.enum(RECOVERABLE),
    since: time,
    until: time,
    status: z.enum(['running', 'completed', 'canceled', 'failed']),
    position: time.describe('The span is done up to this time.'),
    progress: z.number().min(0).max(1).describe('The share of the span that is done.'),
    recovered: z.int(),
    skipped: z.int(),
    reason: z.string().nullable(),
    created_at: time,
    updated_at: time,
    finished_at: time.nullable(),
  }),
)
export const RecoveryPage = named(
  'RecoveryPage',
  z.strictObject({ recoveries: z.array(Recovery), next_cursor: nextCursor }),
)

const apiKey = {
  id: id('key'),
  name: z.string(),
  hint: z.string().describe('How the key ends.'),
  role: z.enum(ROLES),
  tier: z.enum(TIERS),
  expires_at: time.nullable(),
  last_used_at: time.nullable(),
  created_at: time,
}
export const ApiKey = named('ApiKey', z.strictObject(apiKey))
export const ApiKeyMade = named(
  'ApiKeyMade',
  z.strictObject({ ...apiKey, key: z.string().describe('Shown in this answer only.') }),
)
export const ApiKeyPage = named('ApiKeyPage', z.strictObject({ api_keys: z.array(ApiKey), next_cursor: nextCursor }))
export const Me = named(
  'Me',
  z.strictObject({
    user_id: z.string(),
    role: z.enum(ROLES),
    tier: z.enum(TIERS),
    email: z.string().nullable(),
    via: z.enum(['jwt', 'api_key']),
    expires_at: time.nullable(),
  }),
)
export const Ticket = named('Ticket', z.strictObject({ ticket: z.string(), expires_in: z.int().describe('Seconds.') }))

export const Live = named('Live', z.strictObject({ status: z.literal('live') }))
export const Readiness = named(
  'Readiness',
  z.strictObject({
    status: z.enum(['ready', 'not_ready', 'draining']),
    parts: z.record(z.string(), z.string()).describe('`ok`, or why a part is not.'),
  }),
)
export const Document = named('Document', z.record(z.string(), z.unknown()))
