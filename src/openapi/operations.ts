import type { z } from 'zod'
import { examples } from '../events/event-examples.ts'
import type { ErrorCode } from './errors.ts'
import type { HeaderName } from './headers.ts'
import { AuditPage, Overview, SignedIn } from './operator-shapes.ts'
import * as shape from './shapes.ts'

/** What the document says of a route beside its definition. */
export interface Operation {
  tag: 'Events' | 'Webhooks' | 'Deliveries' | 'Recoveries' | 'Identity' | 'Operation'
  /** The shape of each answer with a body, by status; null is no body. */
  answers: Record<number, z.ZodType | null | 'text' | 'html'>
  /** Beside those that follow from the definition: 401, 403, 429 of everyone who must say who they are, 400 and 422 of a body, 404 of an id. */
  errors?: readonly ErrorCode[]
  headers?: readonly HeaderName[]
  /** A body to send; the test sends it. */
  body?: unknown
  /** The same as NDJSON. */
  ndjson?: string
  /** Query parameters to send. */
  query?: Record<string, string>
  /** It honours an Idempotency-Key. */
  idempotent?: boolean
}

const WEBHOOKS = '/api/v1/webhooks'
const KEYS = '/api/v1/auth/api-keys'
const PREDICTION = { event_type: 'prediction_complete', data: examples.prediction_complete }
const ALERT = { event_type: 'alert_triggered', data: examples.alert_triggered }
const PRICE = { channel: 'market-data', symbol: 'AAPL', data: { price: 187.31, volume: 1200 } }

/** One entry for each route, by its name: who adds a route says here what it answers, or the test of the document fails. */
export const OPERATIONS: Record<string, Operation> = {
  'POST /api/v1/events': {
    tag: 'Events',
    answers: { 202: shape.EventAccepted },
    errors: ['event_id_taken', 'idempotency_key_reused', 'unavailable'],
    headers: ['Idempotency-Replayed'],
    body: PREDICTION,
    idempotent: true,
  },
  'POST /api/v1/events/batch': {
    tag: 'Events',
    answers: { 202: shape.BatchAccepted },
    errors: ['empty_batch', 'not_an_array', 'event_id_taken', 'idempotency_key_reused', 'unavailable'],
    headers: ['Idempotency-Replayed'],
    body: [PREDICTION, ALERT],
    ndjson: `${JSON.stringify(PREDICTION)}\n${JSON.stringify(ALERT)}\n`,
    idempotent: true,
  },
  'GET /api/v1/events': {
    tag: 'Events',
    answers: { 200: shape.EventPage },
    query: { event_type: 'prediction_complete', symbol: 'AAPL', since: '2026-01-01T00:00:00Z', limit: '50' },
  },
  'GET /api/v1/events/:id': { tag: 'Events', answers: { 200: shape.EventInFull } },
  'GET /api/v1/event-types': { tag: 'Events', answers: { 200: shape.EventTypes } },
  'POST /api/v1/publish': {
    tag: 'Events',
    answers: { 202: shape.PublicationAccepted },
    errors: ['slow_down', 'unavailable'],
    body: { messages: [PRICE] },
  },
  [`POST ${WEBHOOKS}`]: {
    tag: 'Webhooks',
    answers: { 201: shape.WebhookMade },
    errors: ['webhook_limit_reached'],
    body: {
      url: 'https://trader.example.com/hooks/ara',
      events: ['prediction_complete', 'alert_triggered'],
      symbols: ['AAPL', 'MSFT'],
      description: 'The desk in New York',
    },
  },
  [`GET ${WEBHOOKS}`]: {
    tag: 'Webhooks',
    answers: { 200: shape.WebhookPage },
    query: { active_only: 'true', limit: '50' },
  },
  [`GET ${WEBHOOKS}/:id`]: { tag: 'Webhooks', answers: { 200: shape.Webhook } },
  [`PATCH ${WEBHOOKS}/:id`]: {
    tag: 'Webhooks',
    answers: { 200: shape.WebhookChanged },
    body: { description: 'The desk in London', max_attempts: 12 },
  },
  [`DELETE ${WEBHOOKS}/:id`]: { tag: 'Webhooks', answers: { 204: null } },
  [`POST ${WEBHOOKS}/:id/rotate-secret`]: {
    tag: 'Webhooks',
    answers: { 200: shape.WebhookRotated },
    errors: ['rotation_under_way'],
    body: { overlap_seconds: 3600 },
  },
  [`POST ${WEBHOOKS}/:id/rotate-secret/finish`]: { tag: 'Webhooks', answers: { 200: shape.Webhook }, body: {} },
  [`POST ${WEBHOOKS}/test`]: {
    tag: 'Webhooks',
    answers: { 200: shape.TestResult, 202: shape.TestResult },
    body: { event_type: 'prediction_complete' },
  },
  [`GET ${WEBHOOKS}/:id/deliveries`]: {
    tag: 'Deliveries',
    answers: { 200: shape.DeliveryPage },
    query: { status: 'success', event_type: 'prediction_complete', since: '2026-01-01T00:00:00Z' },
  },
  [`GET ${WEBHOOKS}/:id/deliveries/:delivery_id`]: { tag: 'Deliveries', answers: { 200: shape.DeliveryInFull } },
  [`POST ${WEBHOOKS}/:id/deliveries/:delivery_id/retry`]: {
    tag: 'Deliveries',
    answers: { 202: shape.Delivery },
    errors: ['webhook_inactive', 'attempt_under_way'],
  },
  [`POST ${WEBHOOKS}/:id/recover`]: {
    tag: 'Recoveries',
    answers: { 202: shape.Recovery },
    errors: ['webhook_inactive', 'recovery_running'],
    body: { since: '2026-06-01T09:30:00Z', status: 'failed' },
  },
  [`GET ${WEBHOOKS}/:id/recoveries`]: {
    tag: 'Recoveries',
    answers: { 200: shape.RecoveryPage },
    query: { limit: '10' },
  },
  'GET /api/v1/recoveries/:id': { tag: 'Recoveries', answers: { 200: shape.Recovery } },
  'DELETE /api/v1/recoveries/:id': { tag: 'Recoveries', answers: { 204: null } },
  'GET /api/v1/auth/me': { tag: 'Identity', answers: { 200: shape.Me } },
  'POST /api/v1/auth/tickets': { tag: 'Identity', answers: { 201: shape.Ticket }, body: {} },
  [`POST ${KEYS}`]: {
    tag: 'Identity',
    answers: { 201: shape.ApiKeyMade },
    errors: ['too_many_api_keys'],
    body: { name: 'trading bot', role: 'readonly', expires_in_days: 90 },
  },
  [`GET ${KEYS}`]: { tag: 'Identity', answers: { 200: shape.ApiKeyPage }, query: { limit: '10' } },
  [`POST ${KEYS}/:id/rotate`]: { tag: 'Identity', answers: { 200: shape.ApiKeyMade }, body: {} },
  [`DELETE ${KEYS}/:id`]: { tag: 'Identity', answers: { 204: null } },
  'PUT /api/v1/users/:id/block': { tag: 'Identity', answers: { 204: null }, errors: ['own_user'] },
  'DELETE /api/v1/users/:id/block': { tag: 'Identity', answers: { 204: null } },
  'GET /api/v1/audit-log': {
    tag: 'Identity',
    answers: { 200: AuditPage },
    query: { action: 'webhook.created', since: '2026-01-01T00:00:00Z', limit: '10' },
  },
  'POST /api/v1/auth/sign-in': {
    tag: 'Identity',
    answers: { 200: SignedIn },
    errors: ['unauthorized', 'rate_limited'],
    body: { code: 'si_2f1d1c0b7a11' },
  },
  'GET /api/v1/admin/overview': { tag: 'Operation', answers: { 200: Overview } },
  'GET /health/live': { tag: 'Operation', answers: { 200: shape.Live } },
  'GET /health/ready': { tag: 'Operation', answers: { 200: shape.Readiness, 503: shape.Readiness } },
  'GET /metrics': { tag: 'Operation', answers: { 200: 'text' }, errors: ['not_found', 'unauthorized'] },
  'GET /openapi.json': { tag: 'Operation', answers: { 200: shape.Document, 304: null }, headers: ['ETag'] },
  'GET /asyncapi.json': { tag: 'Operation', answers: { 200: shape.Document, 304: null }, headers: ['ETag'] },
  'GET /docs': { tag: 'Operation', answers: { 200: 'html', 304: null }, headers: ['ETag'] },
}
