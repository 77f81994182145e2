import type {
  Channel,
  Degraded,
  Refused,
  RefusedStream,
  Restored,
  ServerFrame,
  StreamMessage,
} from './server-frames.ts'

export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed'

export interface StateChange {
  state: ConnectionState
  /** Of the close that led here. */
  code?: number
  reason?: string
  /** While `waiting`: when the next attempt is made. */
  retryInMs?: number
}

/** Messages of a stream that did not come. */
export interface Missed {
  channel: Channel | 'deliveries'
  symbol: string | null
  from: number
  /** Null when the numbering began anew, and how many are missing cannot be known. */
  to: number | null
  /** The stream of the user's own events. */
  scope?: 'user'
}

export interface StreamEvents {
  state: StateChange
  /** Each message once, in the order of its stream. */
  message: StreamMessage
  gap: Missed
  /** This client reads too slowly and gets prices once in `conflate_ms`. */
  degraded: Degraded
  restored: Restored
  /** A subscription that the server did not take or took back. It is not asked for again. */
  rejected: RefusedStream
  /** The server's `error` frames, and `token_callback` when no token could be had. */
  error: Refused
  /** Every frame as it came, also of types that are not known here. */
  frame: ServerFrame
}

/** @throws Error when no connection comes any more */
export function refuseClosed({ state, code, reason }: StateChange): void {
  if (state !== 'closed') return
  const why = code === undefined ? '' : ` (${code} ${reason ?? ''})`
  throw new Error(`This client is closed for good${why}; connectStreams makes another one.`)
}
