import type { EventData } from './event-data.ts'

/* What the server sends, by `type`. Types and fields that are not here may come too: they are passed on or ignored. */

export type Channel = 'predictions' | 'market-data' | 'alerts'

/** Where a stream is: the next message has the number after `seq`. */
export interface StreamPosition {
  epoch: string
  seq: number
}

/** A stream that a socket has joined. A wildcard has no position of its own. */
export interface JoinedStream {
  channel: Channel
  symbol: string | null
  epoch?: string
  seq?: number
  /** Of the stream of the user's own events. */
  user?: StreamPosition
  conflate_ms?: number
}

export interface Refused {
  code: string
  message: string
}

export interface RefusedStream extends Refused {
  channel: string
  symbol: string | null
}

export interface Connected {
  type: 'connected'
  connection_id: string
  timestamp: string
  heartbeat_seconds: number
  channel?: Channel
  symbol?: string
  epoch?: string
  seq?: number
  user?: StreamPosition
  conflate_ms?: number
}

interface Numbered {
  timestamp: string
  /** Rises by one with each message of its stream. */
  seq: number
  /** `evt_…` when the message is a stored event. */
  event_id?: string
  /** From the stream of the user's own events, which has numbers of its own. */
  scope?: 'user'
  /** Announced more than 30 seconds after it was accepted: not to trade on. */
  late?: boolean
  /** State that was there before, no news. */
  snapshot?: boolean
}

export interface PredictionUpdate extends Numbered {
  type: 'prediction_update'
  symbol: string
  data: EventData['prediction_complete']
}

export interface MarketDataUpdate extends Numbered {
  type: 'market_data_update'
  symbol: string
  /** As the producer of the prices has it. */
  data: Record<string, JsonValue>
  /** Values before this one were left out. */
  conflated?: boolean
}

export interface Alert extends Numbered {
  type: 'alert'
  data: EventData['alert_triggered']
}

/** What the streams of each channel bring. */
export interface ChannelMessages {
  predictions: PredictionUpdate
  'market-data': MarketDataUpdate
  alerts: Alert
}

export type StreamMessage<Of extends Channel = Channel> = ChannelMessages[Of]

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/** Messages `from` to `to` cannot be had. */
export interface StreamGap {
  type: 'gap'
  channel: Channel
  symbol: string | null
  from: number
  /** Null when the numbering began anew. */
  to: number | null
  epoch: string
  /** The next message is the one after it. */
  seq: number
  scope?: 'user'
}

export interface DeliveriesGap {
  type: 'gap'
  channel: 'deliveries'
  /** How many attempts were not told of. */
  missed: number
}

export interface Subscribed extends Partial<JoinedStream> {
  type: 'subscribed'
  id?: string | number
  accepted?: JoinedStream[]
  rejected?: RefusedStream[]
}

export interface Unsubscribed extends Partial<JoinedStream> {
  type: 'unsubscribed'
  id?: string | number
  accepted?: JoinedStream[]
  rejected?: RefusedStream[]
}

/** The answer to `subscribe` and `unsubscribe` of the channel `deliveries`. */
export interface Watching {
  type: 'subscribed' | 'unsubscribed'
  id?: string | number
  channel: 'deliveries'
  webhook_id: string | null
}

export interface Authenticated {
  type: 'authenticated'
  id?: string | number
  user_id: string
  /** Null: the token has no end. */
  expires_at: string | null
  subscriptions?: JoinedStream[]
  dropped?: RefusedStream[]
}

export interface TokenExpiring {
  type: 'token_expiring'
  expires_at: string
}

export interface Ping {
  type: 'ping' | 'pong'
  timestamp: string
}

export interface Degraded {
  type: 'degraded'
  conflate_ms: number
  timestamp: string
}

export interface Restored {
  type: 'restored'
  timestamp: string
}

export interface ErrorFrame extends Refused {
  type: 'error'
  id?: string | number
  channel?: string
  symbol?: string | null
  webhook_id?: string | null
}

export interface DeliveryAttempt {
  type: 'delivery_attempt'
  channel: 'deliveries'
  timestamp: string
  /** `dlv_…` */
  id: string
  webhook_id: string
  event_id: string
  event_type: string
  /** Of the delivery, after this attempt. */
  status: 'pending' | 'delivering' | 'retrying' | 'success' | 'failed' | 'canceled'
  attempt_status: 'started' | 'success' | 'failed' | 'unknown' | 'aborted' | 'superseded'
  attempt: number
  max_attempts: number
  response_code: number | null
  response_body: string | null
  error: string | null
  error_message: string | null
  duration_ms: number | null
  created_at: string
  started_at: string
  finished_at: string | null
  delivered_at: string | null
  next_retry_at: string | null
  test: boolean
  response: { status: number; headers: Record<string, string | string[]> | null; body: string | null } | null
  /** With `include: 'request'`. */
  request?: { method: 'POST'; url: string | null; headers: Record<string, string> | null; body: string }
}

export type ServerFrame =
  | Connected
  | StreamMessage
  | StreamGap
  | DeliveriesGap
  | Subscribed
  | Unsubscribed
  | Watching
  | Authenticated
  | TokenExpiring
  | Ping
  | Degraded
  | Restored
  | ErrorFrame
  | DeliveryAttempt
