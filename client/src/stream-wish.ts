import type { Position } from './course.ts'
import type { Channel } from './server-frames.ts'

/** A stream to subscribe to. */
export interface StreamWish<Of extends Channel = Channel> {
  channel: Of
  /** Of predictions and market-data; `*` is every symbol of market-data. */
  symbol?: string
  /** The newest message first. Default: true on market-data, false on the others. */
  snapshot?: boolean
  /** Market-data: the newest price at most once in so many milliseconds. */
  conflateMs?: 100 | 250 | 500 | 1000 | 5000
  /** To go on from where an earlier process of yours was, as its `position` said. */
  since?: Position
  /** The same of the stream of the user's own events. */
  userSince?: Position
}

export interface StreamSubscription {
  /** To keep, and to go on from with `since`; null before the first answer. */
  readonly position: Position | null
  readonly userPosition: Position | null
  unsubscribe(): void
}
