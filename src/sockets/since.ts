import { z } from 'zod'
import type { Since } from '../streams/replay.ts'

/** As the server names them; anything else was never one. */
export const Epoch = z.string().regex(/^\w{1,64}$/, 'must be an epoch that the server told')

/** Where a client was, as it says so in a query or a frame: each number goes with its epoch. */
export interface SaidSince {
  since?: number | undefined
  epoch?: string | undefined
  user_since?: number | undefined
  user_epoch?: string | undefined
}

/** @returns a complaint when one of a pair is missing */
export function sinceOf(said: SaidSince): { since: Since | undefined; userSince: Since | undefined } | string {
  if ((said.since === undefined) !== (said.epoch === undefined)) return 'since and epoch go together'
  if ((said.user_since === undefined) !== (said.user_epoch === undefined))
    return 'user_since and user_epoch go together'
  return { since: pair(said.epoch, said.since), userSince: pair(said.user_epoch, said.user_since) }
}

function pair(epoch: string | undefined, seq: number | undefined): Since | undefined {
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq }
}
