import type { z } from 'zod'
import { canonicalEvent } from '../events/catalogue.ts'
import { examples } from '../events/event-examples.ts'
import type * as shape from './shapes.ts'

/*
 * The things that the document's examples are made of: one webhook of alice's with one event, its delivery, a recovery and an API
 * key. Their types are the shapes', so one that lacks a field does not compile.
 */

type Of<Shape extends z.ZodType> = z.infer<Shape>

/** They name nothing. */
export const ID = {
  webhook: 'wh_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a11',
  event: 'evt_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a12',
  delivery: 'dlv_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a13',
  recovery: 'rcv_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a14',
  key: 'key_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a15',
  audit_entry: 'aud_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a16',
  other_event: 'evt_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a17',
  user: 'alice',
}
export const OPENED = '2026-06-01T09:30:00.000Z'
export const LATER = '2026-06-01T09:30:00.412Z'
const URL = 'https://trader.example.com/hooks/ara'

export const EVENT: Of<typeof shape.Event> = {
  event_id: ID.event,
  event_type: 'prediction_complete',
  timestamp: OPENED,
  data: examples.prediction_complete,
  symbol: 'AAPL',
  accepted_at: OPENED,
}

export const WEBHOOK: Of<typeof shape.Webhook> = {
  id: ID.webhook,
  user_id: ID.user,
  url: URL,
  events: ['prediction_complete', 'alert_triggered'],
  symbols: ['AAPL', 'MSFT'],
  description: 'The desk in New York',
  active: true,
  disabled_reason: null,
  failing_since: null,
  headers: { Authorization: '***' },
  signature_style: 'canonical',
  max_attempts: 10,
  secret_rotation: null,
  created_at: '2026-05-04T14:00:00.000Z',
  updated_at: '2026-05-04T14:00:00.000Z',
  delivery_count: 1204,
  success_count: 1201,
  failure_count: 3,
  last_delivery_at: LATER,
  last_delivery_status: 'success',
}

export const DELIVERY: Of<typeof shape.Delivery> = {
  id: ID.delivery,
  webhook_id: ID.webhook,
  event_id: ID.event,
  event_type: 'prediction_complete',
  status: 'success',
  attempt: 1,
  max_attempts: 10,
  response_code: 200,
  response_body: 'ok',
  error: null,
  error_message: null,
  duration_ms: 38,
  created_at: OPENED,
  delivered_at: LATER,
  next_retry_at: null,
  held_back_until: null,
  test: false,
}

const BODY = canonicalEvent({
  data: EVENT.data as Parameters<typeof canonicalEvent>[0]['data'],
  event_id: ID.event,
  event_type: 'prediction_complete',
  timestamp: OPENED,
})

/** What a receiver is sent beside the body. */
export const SENT_HEADERS = {
  'webhook-id': ID.delivery,
  'webhook-timestamp': '1780306200',
  'webhook-signature': 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  'X-Webhook-Signature': `sha256=${'0f'.repeat(32)}`,
  'X-Webhook-Event': 'prediction_complete',
  'X-Webhook-Delivery': ID.delivery,
  'X-Webhook-Attempt': '1',
  'Idempotency-Key': ID.delivery,
}

export const ATTEMPT: Of<typeof shape.Attempt> = {
  attempt: 1,
  status: 'success',
  started_at: OPENED,
  finished_at: LATER,
  duration_ms: 38,
  request: {
    method: 'POST',
    url: URL,
    headers: {
      Authorization: '***',
      'Content-Type': 'application/json',
      'User-Agent': 'ara-events/1.0.0',
      ...SENT_HEADERS,
      Host: 'trader.example.com',
      'Content-Length': String(Buffer.byteLength(BODY)),
    },
    body: BODY,
  },
  response: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' },
  error: null,
  error_message: null,
}

export const RECOVERY: Of<typeof shape.Recovery> = {
  id: ID.recovery,
  webhook_id: ID.webhook,
  recovers: 'failed',
  since: OPENED,
  until: '2026-06-01T16:00:00.000Z',
  status: 'running',
  position: '2026-06-01T11:07:30.000Z',
  progress: 0.25,
  recovered: 52,
  skipped: 0,
  reason: null,
  created_at: '2026-06-01T16:20:00.000Z',
  updated_at: '2026-06-01T16:20:04.000Z',
  finished_at: null,
}

export const API_KEY: Of<typeof shape.ApiKey> = {
  id: ID.key,
  name: 'trading bot',
  hint: 'ara_…06c0',
  role: 'readonly',
  tier: 'free',
  expires_at: '2026-08-30T09:30:00.000Z',
  last_used_at: null,
  created_at: OPENED,
}
