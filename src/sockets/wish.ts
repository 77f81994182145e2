import { z } from 'zod'
import { CONFLATE_MS } from '../streams/conflation.ts'
import type { Since } from '../streams/replay.ts'
import { type StreamTarget, WILDCARD, WILDCARD_CHANNEL } from '../streams/stream-name.ts'

/** How a subscription is wished to begin. */
export interface Wish {
  /** Undefined: as the channel has it. */
  snapshot?: boolean | undefined
  /** What was had last, to go on after it. */
  since?: Since | undefined
  /** The same of the user's own stream. */
  userSince?: Since | undefined
  /** The newest value at most this often. */
  conflateMs?: number | undefined
}

/** As the server names them; anything else was never one. */
export const Epoch = z.string().regex(/^\w{1,64}$/, 'must be an epoch that the server told')
export const ConflateMs = z
  .number()
  .refine((value) => CONFLATE_MS.some((known) => known === value), `must be one of ${CONFLATE_MS.join(', ')}`)

/** As a client says it in a query or a frame. */
export interface SaidWish {
  snapshot?: boolean | undefined
  since?: number | undefined
  epoch?: string | undefined
  user_since?: number | undefined
  user_epoch?: string | undefined
  conflate_ms?: number | undefined
}

/** @returns a complaint when it does not go together, or not with the stream */
export function toWish(said: SaidWish, target: StreamTarget | null): Wish | string {
  const since = pair(said.epoch, said.since)
  const userSince = pair(said.user_epoch, said.user_since)
  if (since === null) return 'since and epoch go together'
  if (userSince === null) return 'user_since and user_epoch go together'
  if (since && target?.symbol === WILDCARD) return 'since is for one symbol, not for a wildcard'
  if (said.conflate_ms !== undefined) {
    if (target && target.channel !== WILDCARD_CHANNEL) return `conflate_ms is for ${WILDCARD_CHANNEL} only`
    if (since) return 'conflate_ms brings the newest value, so there is nothing to bring since'
  }
  return { snapshot: said.snapshot, since, userSince, conflateMs: said.conflate_ms }
}

/** Null when one of them is missing. */
function pair(epoch: string | undefined, seq: number | undefined): Since | undefined | null {
  if (epoch === undefined && seq === undefined) return undefined
  return epoch === undefined || seq === undefined ? null : { epoch, seq }
}
