import type { Gap, History, Numbered } from './backplane.ts'
import type { Hub } from './hub.ts'

/*
 * Brings one subscriber from the message it had last to where its stream is now, in three phases:
 *
 * 1. Backfill: what came after its number is read from the history, slice by slice; the next slice is read when the
 *    subscriber has sent the one before, so a slow one is not flooded, and other work gets its turn in between.
 * 2. Cutover: as soon as the rest is among the recent messages of this process, it is sent and the stream is joined in one
 *    turn, without waiting: what was spread before the join was sent, what is spread after it comes by itself.
 * 3. Live: nothing is left to do here.
 *
 * The invariant: each frame has the next number, or a gap before it says which numbers are missing. A slice is cut at the
 * position of this process, since what the history has beyond it will be spread here later.
 *
 * To join first and hold back the live messages until the backfill is done was rejected: it holds them once for each
 * subscriber, and one that never reads them would be the reason to hold them for ever.
 */
export interface Since {
  epoch: string
  seq: number
}

export interface ReplayTarget {
  /** The subscriber is gone, or does not want the stream any more. */
  over(): boolean
  send(messages: readonly Numbered[]): void
  gap(gap: Gap): void
  /** Resolves when what was sent has left, or cannot leave any more. */
  sent(): Promise<void>
  join(): void
}

/** @throws BackplaneAway, and then the stream was not joined */
export async function replay(deps: { hub: Hub; stream: string; since: Since }, target: ReplayTarget): Promise<void> {
  const { hub, stream } = deps
  let at = deps.since
  // The subscriber may come from a process that is ahead of this one.
  if (neverWas(at, hub.position(stream))) await hub.refresh(stream)
  while (!target.over()) {
    const position = hub.position(stream)
    if (neverWas(at, position)) {
      target.gap({ kind: 'gap', stream, from: at.seq + 1, to: null, epoch: position.epoch, seq: position.seq })
      return target.join()
    }
    const isSame = at.epoch === position.epoch
    const rest = isSame ? hub.recent(stream, at.seq) : null
    if (rest) {
      target.send(rest)
      return target.join()
    }
    const slice = await hub.history(stream, isSame ? at.seq : 0)
    if (target.over()) return
    at = await backfill(hub, stream, slice, at, target)
  }
}

/** @returns where the subscriber is after the slice */
async function backfill(hub: Hub, stream: string, slice: History, at: Since, target: ReplayTarget): Promise<Since> {
  const { epoch, seq } = hub.position(stream)
  if (slice.epoch !== epoch) {
    // The numbering began anew, and this process has not heard of it yet.
    await hub.refresh(stream)
    return at
  }
  const begunAnew = at.epoch !== epoch
  const had = begunAnew ? 0 : at.seq
  const messages = slice.messages.filter((message) => message.seq > had && message.seq <= seq)
  const before = (messages[0]?.seq ?? seq + 1) - 1
  if (begunAnew || before > had) {
    target.gap({ kind: 'gap', stream, from: at.seq + 1, to: begunAnew ? null : before, epoch, seq: before })
  }
  target.send(messages)
  const now = { epoch, seq: messages.at(-1)?.seq ?? before }
  if (now.seq < seq) await target.sent()
  return now
}

/** A number of this very numbering that is above all that were given. */
function neverWas(since: Since, position: Since): boolean {
  return since.epoch === position.epoch && since.seq > position.seq
}
