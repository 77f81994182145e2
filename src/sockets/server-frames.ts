import { z } from 'zod'
import { catalogue } from '../events/catalogue.ts'

/*
 * What the server sends, by type: the document that describes the streams is made of it, and the tests hold every frame that
 * they receive against it.
 */

const time = z.iso.datetime()
const word = z.string()
const count = z.int().min(0)
const position = { epoch: word, seq: count }
const Position = z.object(position)
const channel = z.enum(['predictions', 'market-data', 'alerts'])
const symbol = z.string().nullable()
const id = z.union([z.string(), z.number()]).optional()
const Joined = z.object({
  channel,
  symbol,
  epoch: word.optional(),
  seq: count.optional(),
  user: Position.optional(),
  conflate_ms: z.number().optional(),
})
const Refused = z.object({ channel: word, symbol, code: word, message: word })
const numbered = {
  timestamp: time,
  seq: count,
  event_id: word.optional(),
  scope: z.literal('user').optional(),
  late: z.literal(true).optional(),
  snapshot: z.literal(true).optional(),
}
const lag = z.object({ behind: count, retry_after_ms: z.number() })
const type = <Name extends string>(name: Name) => ({ type: z.literal(name) })
const headers = z.record(word, z.union([word, z.array(word)])).nullable()

const attempt = {
  timestamp: time,
  id: word,
  webhook_id: word,
  event_id: word,
  event_type: word,
  status: z.enum(['pending', 'delivering', 'retrying', 'success', 'failed', 'canceled']),
  attempt_status: z.enum(['started', 'success', 'failed', 'unknown', 'aborted', 'superseded']),
  attempt: count,
  max_attempts: count,
  response_code: z.number().nullable(),
  response_body: word.nullable(),
  error: word.nullable(),
  error_message: word.nullable(),
  duration_ms: z.number().nullable(),
  created_at: time,
  started_at: time,
  finished_at: time.nullable(),
  delivered_at: time.nullable(),
  next_retry_at: time.nullable(),
  held_back_until: time.nullable(),
  test: z.boolean(),
  response: z.object({ status: z.number(), headers, body: word.nullable() }).nullable(),
  request: z.object({ method: z.literal('POST'), url: word.nullable(), headers, body: word }).optional(),
}

export const serverFrames = {
  connected: z.object({
    ...type('connected'),
    ...{ connection_id: word, timestamp: time, heartbeat_seconds: z.number(), ...Joined.partial().shape },
    symbol: word.optional(),
    max_messages_under_way: count.optional(),
  }),
  prediction_update: z.object({
    ...type('prediction_update'),
    ...{ symbol: word, data: catalogue.prediction_complete.data, ...numbered },
  }),
  market_data_update: z.object({
    ...type('market_data_update'),
    ...{ symbol: word, data: z.record(word, z.unknown()), ...numbered, conflated: z.literal(true).optional() },
  }),
  alert: z.object({ ...type('alert'), data: catalogue.alert_triggered.data, ...numbered }),
  ping: z.object({ ...type('ping'), timestamp: time }),
  pong: z.object({ ...type('pong'), timestamp: time }),
  subscribed: z.union([
    z.object({ ...type('subscribed'), id, ...Joined.shape }),
    z.object({ ...type('subscribed'), id, accepted: z.array(Joined), rejected: z.array(Refused) }),
    z.object({ ...type('subscribed'), id, channel: z.literal('deliveries'), webhook_id: word.nullable() }),
  ]),
  unsubscribed: z.union([
    z.object({ ...type('unsubscribed'), id, ...Joined.shape }),
    z.object({ ...type('unsubscribed'), id, accepted: z.array(Joined), rejected: z.array(Refused) }),
    z.object({ ...type('unsubscribed'), id, channel: z.literal('deliveries'), webhook_id: word.nullable() }),
  ]),
  gap: z.union([
    z.object({
      ...type('gap'),
      ...{ channel, symbol, from: count, to: count.nullable(), ...position, scope: z.literal('user').optional() },
    }),
    z.object({ ...type('gap'), channel: z.literal('deliveries'), missed: count }),
  ]),
  degraded: z.object({ ...type('degraded'), conflate_ms: z.number(), timestamp: time }),
  restored: z.object({ ...type('restored'), timestamp: time }),
  token_expiring: z.object({ ...type('token_expiring'), expires_at: time }),
  authenticated: z.object({
    ...type('authenticated'),
    ...{ id, user_id: word, expires_at: time.nullable() },
    ...{ subscriptions: z.array(Joined).optional(), dropped: z.array(Refused).optional() },
  }),
  error: z.object({
    ...type('error'),
    ...{ id, code: word, message: word },
    ...{ channel: word.optional(), symbol: symbol.optional(), webhook_id: word.nullish() },
    ...{ details: z.array(z.object({ path: word, reason: word })).optional(), ...lag.partial().shape },
  }),
  closed: z.object({ ...type('closed'), code: count, reason: word, retry_after_ms: z.number().optional() }),
  published: z.object({ ...type('published'), id, accepted: count }),
  slow_down: z.object({ ...type('slow_down'), ...lag.shape }),
  delivery_attempt: z.object({ ...type('delivery_attempt'), channel: z.literal('deliveries'), ...attempt }),
}

export type ServerFrameType = keyof typeof serverFrames
