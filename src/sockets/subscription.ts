import { type StreamTarget, streamName, wildcardOf } from '../streams/stream-name.ts'
import type { Carrier } from './carrier.ts'
import type { Wish } from './wish.ts'

/** One stream, or wildcard, that a socket has asked for. */
export interface Subscription {
  target: StreamTarget
  /** The shared stream, and for who has a name the user's own. */
  streams: readonly string[]
  /** The newest value at most this often; 0 for every message. */
  conflateMs: number
  /** What there was before is sent, and the shared stream's messages come by themselves. */
  live: boolean
  over: boolean
}

/** A stream of a socket with where its numbering stands when the socket joins; a wildcard has no numbers of its own. */
export interface Joined {
  channel: string
  symbol: string | null
  epoch?: string
  seq?: number
  /** The user's own stream beside it. */
  user?: { epoch: string; seq: number }
  conflate_ms?: number
}

/** The socket, as far as subscriptions need it. */
export interface Listener {
  readonly state: 'open' | 'ending' | 'closed'
  readonly socket: Pick<Carrier, 'send' | 'cork' | 'subscribe' | 'unsubscribe'>
  readonly userId: string | null
  sent(): Promise<void>
  /** A replay failed, so the socket lacks what it was promised. */
  failed(error: unknown): void
}

/** Market data is state, the others are news that a bot may act on. */
export function wantsSnapshot({ channel }: StreamTarget, { snapshot }: Wish): boolean {
  return snapshot ?? channel === 'market-data'
}

/** Events for one user are on a stream of their own, which only that user's sockets join. */
export function streamsOf(target: StreamTarget, userId: string | null): string[] {
  const shared = streamName(target)
  const own = ownStreamOf(target, userId)
  return own === null ? [shared] : [shared, own]
}

export function ownStreamOf(target: StreamTarget, userId: string | null): string | null {
  return userId === null || target.channel === 'market-data' ? null : streamName(target, userId)
}

/** The wildcard of the same socket that brings the stream too. */
export function coveredBy(all: ReadonlyMap<string, Subscription>, name: string): Subscription | undefined {
  const wildcard = wildcardOf(name)
  return wildcard === null || wildcard === name ? undefined : all.get(wildcard)
}
