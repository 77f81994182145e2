import type { Heard, Position } from './backplane.ts'
import type { StreamMessage } from './redis-scripts.ts'

/*
 * One followed stream, put in order. Redis' publish/subscribe forgets: a link that broke, or a buffer that overflowed, leaves
 * a hole that shows in the numbers of what comes next, or in nothing when it was the last message. So the tail keeps the
 * number it has, holds back what comes after a hole, reads the missing part from the history, and says `gap` for what the
 * history no longer has. What it emits is numbered without holes or is preceded by a gap.
 */
export interface StreamTail {
  /** Null until the first reading. */
  position(): Position | null
  hear(message: StreamMessage): void
  /** Reads what was missed, if anything. Rejects when the history cannot be read; hearing or catching up again is fine. */
  catchUp(): Promise<void>
}

export interface Reading {
  epoch: string
  seq: number
  /** Consecutive; when they end before `seq`, the rest is read next. */
  messages: readonly StreamMessage[]
}

/** While a reading is under way; when there is more, another reading follows. */
const MOST_HELD = 10_000
/** Of an epoch that there never is, so all that is kept comes after it. */
const NOTHING_YET = { epoch: 'none', seq: 0 }

export function createStreamTail(deps: {
  stream: string
  /** Whether it begins with the next message, or with the first that is kept. */
  from?: 'now' | 'start'
  /** What came after `have` (the last message only, when nothing is had yet). */
  read: (have: { epoch: string; seq: number } | null) => Promise<Reading>
  emit: (heard: Heard) => void
  onError: (error: unknown) => void
}): StreamTail {
  const { stream, emit } = deps
  let position: Position | null = null
  let held: StreamMessage[] = []
  let reading: Promise<void> | null = null

  function hear(message: StreamMessage): void {
    if (reading) {
      if (held.length < MOST_HELD) held.push(message)
    } else if (position && !continues(position, message)) {
      // Nothing need be held: it is in the history that is read now, since it was kept before it was published.
      catchUp().catch(deps.onError)
    }
  }

  /** @returns false when something is missing before the message */
  function continues(at: Position, message: StreamMessage): boolean {
    if (message.epoch !== at.epoch || message.seq > at.seq + 1) return false
    if (message.seq === at.seq + 1) take(at, message)
    return true
  }

  function take(at: Position, message: StreamMessage): void {
    at.seq = message.seq
    at.last = message.frame
    emit({ kind: 'frame', stream, seq: message.seq, frame: message.frame, at: message.at })
  }

  function catchUp(): Promise<void> {
    reading ??= readMissed().then(
      () => release(true),
      (error: unknown) => {
        release(false)
        throw error
      },
    )
    return reading
  }

  /** What was held is dropped when one more reading is needed, or this one failed: the next one finds it in the history. */
  function release(worked: boolean): void {
    reading = null
    const waiting = held
    held = []
    if (!worked) return
    const complete = waiting.every((message) => position && continues(position, message))
    if (!complete || waiting.length >= MOST_HELD) catchUp().catch(deps.onError)
  }

  async function readMissed(): Promise<void> {
    let complete = false
    while (!complete) complete = apply(await deps.read(position ?? (deps.from === 'start' ? NOTHING_YET : null)))
  }

  /** @returns false when there is more to read */
  function apply(found: Reading): boolean {
    const { epoch } = found
    if (position === null && deps.from === 'start') position = { epoch, seq: 0, last: null }
    if (position === null) {
      position = { epoch, seq: found.seq, last: found.messages.at(-1)?.frame ?? null }
      return true
    }
    const { seq: had } = position
    const begunAnew = epoch !== position.epoch
    const missed = begunAnew ? found.messages : found.messages.filter(({ seq }) => seq > had)
    const before = (missed[0]?.seq ?? found.seq + 1) - 1
    if (begunAnew || before > had) {
      // What was the last message is no state to show any more.
      position = { epoch, seq: before, last: null }
      emit({ kind: 'gap', stream, from: had + 1, to: begunAnew ? null : before, epoch, seq: before })
    }
    for (const message of missed) take(position, message)
    return position.seq >= found.seq
  }

  return { position: () => position, hear, catchUp }
}
