import { eventTypesDocument } from '../events/catalogue.ts'
import { API_KEY, ATTEMPT, DELIVERY, EVENT, ID, LATER, OPENED, RECOVERY, WEBHOOK } from './example-things.ts'

const WEBHOOKS = '/api/v1/webhooks'
const KEYS = '/api/v1/auth/api-keys'
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const KEY = 'ara_2063e…'

const accepted = { event_id: ID.event, event_type: 'prediction_complete', timestamp: OPENED, deliveries: 1 }
const last = { next_cursor: null }
const unused = {
  delivery_count: 0,
  success_count: 0,
  failure_count: 0,
  last_delivery_at: null,
  last_delivery_status: null,
}

/** An answer of each operation that has a body, by the name of its route. The test of the document holds them against their shapes. */
export const ANSWER_EXAMPLES: Record<string, unknown> = {
  'POST /api/v1/events': accepted,
  'POST /api/v1/events/batch': {
    accepted: 2,
    events: [accepted, { ...accepted, event_id: ID.other_event, event_type: 'alert_triggered', deliveries: 0 }],
  },
  'GET /api/v1/events': { events: [EVENT], ...last },
  'GET /api/v1/events/:id': { ...EVENT, deliveries: [DELIVERY], deliveries_truncated: false },
  'GET /api/v1/event-types': { event_types: eventTypesDocument().event_types.slice(0, 1) },
  'POST /api/v1/publish': { accepted: 1 },
  [`POST ${WEBHOOKS}`]: { ...WEBHOOK, ...unused, secret: SECRET },
  [`GET ${WEBHOOKS}`]: { webhooks: [WEBHOOK], ...last },
  [`GET ${WEBHOOKS}/:id`]: WEBHOOK,
  [`PATCH ${WEBHOOKS}/:id`]: { ...WEBHOOK, description: 'The desk in London', max_attempts: 12, updated_at: LATER },
  [`POST ${WEBHOOKS}/:id/rotate-secret`]: {
    ...WEBHOOK,
    secret_rotation: { ends_at: '2026-06-01T10:30:00.000Z' },
    secret: SECRET,
  },
  [`POST ${WEBHOOKS}/:id/rotate-secret/finish`]: WEBHOOK,
  [`POST ${WEBHOOKS}/test`]: {
    message: 'The test event was delivered.',
    webhook_id: ID.webhook,
    delivery: { ...DELIVERY, test: true },
  },
  [`GET ${WEBHOOKS}/:id/deliveries`]: { deliveries: [DELIVERY], ...last },
  [`GET ${WEBHOOKS}/:id/deliveries/:delivery_id`]: { ...DELIVERY, attempts: [ATTEMPT] },
  [`POST ${WEBHOOKS}/:id/deliveries/:delivery_id/retry`]: {
    ...DELIVERY,
    status: 'retrying',
    max_attempts: 11,
    delivered_at: null,
    next_retry_at: LATER,
  },
  [`POST ${WEBHOOKS}/:id/recover`]: { ...RECOVERY, position: RECOVERY.since, progress: 0, recovered: 0 },
  [`GET ${WEBHOOKS}/:id/recoveries`]: { recoveries: [RECOVERY], ...last },
  'GET /api/v1/recoveries/:id': RECOVERY,
  'GET /api/v1/auth/me': {
    user_id: ID.user,
    role: 'user',
    tier: 'free',
    email: 'alice@example.com',
    via: 'jwt',
    expires_at: '2026-06-02T09:30:00.000Z',
  },
  'POST /api/v1/auth/tickets': { ticket: 'tkt_01…', expires_in: 30 },
  'POST /api/v1/auth/sign-in': { token: 'eyJhbGciOiJIUzI1NiIs…', expires_at: '2026-06-01T21:30:00.000Z' },
  [`POST ${KEYS}`]: { ...API_KEY, key: KEY },
  [`GET ${KEYS}`]: { api_keys: [API_KEY], ...last },
  [`POST ${KEYS}/:id/rotate`]: { ...API_KEY, key: KEY },
  'GET /api/v1/audit-log': {
    entries: [
      {
        id: ID.audit_entry,
        created_at: OPENED,
        action: 'webhook.created',
        target: ID.webhook,
        user_id: ID.user,
        actor: { user_id: ID.user, role: 'user', via: 'jwt', key_id: null },
        address: '203.0.113.7',
        request_id: 'req_7f3a1c',
        changes: { url: { to: WEBHOOK.url } },
      },
    ],
    ...last,
  },
  'GET /api/v1/admin/overview': {
    timestamp: OPENED,
    open_deliveries: 12,
    oldest_due_seconds: 0.4,
    lanes_waiting: { quick: 3, slow: 0, alone: 0 },
    breakers: { open: 1, probing: 0, ramping: 0 },
    slow_webhooks: 0,
    attempts: {
      ...{ per_second: 41.5, sample: 1000, succeeded: 988, failed: 12 },
      ...{ p50_ms: 8.2, p95_ms: 31, p99_ms: 95.4, first_delay_p50_ms: 6, first_delay_p95_ms: 18.5 },
    },
    process: {
      ...{ id: '019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a17', started_at: '2026-06-01T09:00:00.000Z' },
      ...{ sockets: 120, streams: 14, events: 5230, deliveries: 9120, messages: 60_412, requests: 7011 },
    },
  },
  'GET /health/live': { status: 'live' },
  'GET /health/ready': { status: 'ready', parts: { database: 'ok', partitions: 'ok', backplane: 'ok' } },
  'GET /openapi.json': { openapi: '3.1.0', info: { title: 'ara-events' }, paths: {} },
  'GET /asyncapi.json': { asyncapi: '3.0.0', info: { title: 'ara-events streams' }, channels: {} },
}
