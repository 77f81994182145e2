import type { Position } from './course.ts'
import type { Channel } from './server-frames.ts'
import { WILDCARD } from './stream-names.ts'

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

export const LONGEST_SYMBOL = 64
const EPOCH = /^\w{1,64}$/

/**
 * The server refuses a whole frame for one entry that makes no sense, and the other streams in it would never begin.
 * @throws TypeError
 */
export function refuseSenseless({ channel, symbol, conflateMs, since, userSince }: StreamWish): void {
  if (symbol !== undefined && symbol.length > LONGEST_SYMBOL) {
    throw new TypeError(`A symbol has at most ${LONGEST_SYMBOL} characters.`)
  }
  if (conflateMs !== undefined && channel !== 'market-data') throw new TypeError('conflateMs is for market-data only.')
  if (since && conflateMs !== undefined) throw new TypeError('conflateMs and since do not go together.')
  if (since && symbol === WILDCARD) throw new TypeError('since is for one symbol, not for the wildcard.')
  for (const position of [since, userSince]) {
    if (!position) continue
    const isPosition = EPOCH.test(position.epoch) && Number.isSafeInteger(position.seq) && position.seq >= 0
    if (!isPosition) throw new TypeError('since and userSince must be positions that a subscription told.')
  }
}
