import { examples } from '../events/event-examples.ts'
import type { ServerFrameType } from './server-frames.ts'

const timestamp = '2026-11-23T12:00:00.000Z'
const later = '2026-11-23T12:00:00.120Z'
const EPOCH = '5f0c2b7e'
const position = { epoch: EPOCH, seq: 41 }
const apple = { channel: 'market-data', symbol: 'AAPL' }

/** What the document of the streams shows of each frame of the server. */
export const serverFrameExamples: Record<ServerFrameType, object> = {
  connected: {
    ...{ type: 'connected', ...apple, ...position, heartbeat_seconds: 30, timestamp },
    connection_id: '01939b50-0000-7000-8000-000000000000',
  },
  prediction_update: {
    ...{ type: 'prediction_update', symbol: 'AAPL', data: examples.prediction_complete, timestamp, seq: 42 },
    event_id: 'evt_01939b50-0000-7000-8000-000000000000',
  },
  market_data_update: { type: 'market_data_update', symbol: 'AAPL', data: { price: 187.5 }, timestamp, seq: 42 },
  alert: {
    ...{ type: 'alert', data: examples.alert_triggered, timestamp, seq: 7, scope: 'user' },
    event_id: 'evt_01939b50-0000-7000-8000-000000000000',
  },
  ping: { type: 'ping', timestamp },
  pong: { type: 'pong', timestamp },
  subscribed: {
    ...{ type: 'subscribed', id: 1, accepted: [{ ...apple, ...position }] },
    rejected: [{ ...apple, symbol: '*', code: 'forbidden', message: 'The wildcard is for other tiers.' }],
  },
  unsubscribed: { type: 'unsubscribed', ...apple, ...position },
  gap: { type: 'gap', ...apple, from: 42, to: 49, epoch: EPOCH, seq: 49 },
  degraded: { type: 'degraded', conflate_ms: 1000, timestamp },
  restored: { type: 'restored', timestamp },
  token_expiring: { type: 'token_expiring', expires_at: timestamp },
  authenticated: { type: 'authenticated', user_id: 'alice', expires_at: timestamp },
  error: { type: 'error', code: 'malformed_json', message: 'The frame is not JSON.' },
  closed: { type: 'closed', code: 4513, reason: 'too slow' },
  published: { type: 'published', id: 1, accepted: 1 },
  slow_down: { type: 'slow_down', behind: 6000, retry_after_ms: 200 },
  delivery_attempt: {
    ...{ type: 'delivery_attempt', channel: 'deliveries', timestamp: later },
    id: 'dlv_01939b50-0000-7000-8000-000000000001',
    webhook_id: 'wh_01939b50-0000-7000-8000-000000000000',
    event_id: 'evt_01939b50-0000-7000-8000-000000000000',
    ...{ event_type: 'alert_triggered', status: 'success', attempt_status: 'success', attempt: 1, max_attempts: 10 },
    ...{ response_code: 200, response_body: 'ok', error: null, error_message: null, duration_ms: 87, test: false },
    ...{ created_at: timestamp, started_at: timestamp, finished_at: later, delivered_at: later, next_retry_at: null },
    held_back_until: null,
    response: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' },
  },
}

export const producerFrameExamples: Record<string, object> = {
  publish: { id: 1, messages: [{ channel: 'market-data', symbol: 'AAPL', data: { price: 187.5 } }] },
}

export const clientFrameExamples: Record<string, object> = {
  pong: { type: 'pong' },
  ping: { type: 'ping' },
  auth: { type: 'auth', token: 'YOUR_TOKEN' },
  subscribe: { type: 'subscribe', subscriptions: [{ ...apple, since: 41, epoch: EPOCH }], id: 1 },
  unsubscribe: { type: 'unsubscribe', ...apple },
}
