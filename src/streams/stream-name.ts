import type { Channel } from '../config.ts'

/** What a subscriber names: a channel, and the symbol where the channel has symbols. */
export interface StreamTarget {
  channel: Channel
  /** Upper-cased; null on `alerts`; `*` is every symbol. */
  symbol: string | null
}

export const WILDCARD = '*'
/** Only prices are asked for as a whole: who wants all predictions or alerts acts on each of them. */
export const WILDCARD_CHANNEL = 'market-data' satisfies Channel

/**
 * The name of a stream: `predictions/AAPL`, `alerts`; with a user, the second stream of that user, numbered apart, so that
 * nobody sees holes where another's messages are. User ids are encoded, since they may hold any character.
 */
export function streamName({ channel, symbol }: StreamTarget, userId?: string): string {
  const shared = symbol === null ? channel : `${channel}/${symbol}`
  return userId === undefined ? shared : `${shared}@${encodeURIComponent(userId)}`
}

export function hasSymbols(channel: Channel): boolean {
  return channel !== 'alerts'
}

/** What stands for all streams of the channel: `market-data/*`. Null for a stream of a channel that has no such name. */
export function wildcardOf(stream: string): string | null {
  return stream.startsWith(ALL_PREFIX) ? ALL : null
}

export function isWildcard(stream: string): boolean {
  return stream === ALL
}

const ALL_PREFIX = `${WILDCARD_CHANNEL}/`
const ALL = `${ALL_PREFIX}${WILDCARD}`
