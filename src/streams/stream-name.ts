import type { Channel } from '../config.ts'

/** What a subscriber names: a channel, and the symbol where the channel has symbols. */
export interface StreamTarget {
  channel: Channel
  /** Upper-cased; null on `alerts`. */
  symbol: string | null
}

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
