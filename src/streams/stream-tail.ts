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
  /** Consecutive, ending with `seq`. */
  messages: readonly StreamMessage[]
}

/** While a reading is under way; what is more comes from the next reading. */
const MOST_HELD = 10_000

export function createStreamTail(deps: {
  stream: string
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
    const known = position !== null && reading === null && message.epoch === position.epoch
    if (position && known && message.seq <= position.seq) return
    if (position && known && message.seq === position.seq + 1) {
      take(position, message)
      return
    }
    if (held.length < MOST_HELD) held.push(message)
    if (position) catchUp().catch(deps.onError)
  }

  function take(at: Position, message: StreamMessage): void {
    at.seq = message.seq
    at.last = message.frame
    emit({ kind: 'frame', stream, frame: message.frame })
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

  /** After a failed reading what was held is dropped: the next reading finds it in the history. */
  function release(worked: boolean): void {
    reading = null
    const waiting = held
    held = []
    if (worked) for (const message of waiting) hear(message)
  }

  async function readMissed(): Promise<void> {
    const found = await deps.read(position)
    if (position === null) {
      position = { epoch: found.epoch, seq: found.seq, last: found.messages.at(-1)?.frame ?? null }
      return
    }
    const begunAnew = found.epoch !== position.epoch
    const missed = begunAnew ? found.messages : found.messages.filter(({ seq }) => seq > (position?.seq ?? 0))
    const before = (missed[0]?.seq ?? found.seq + 1) - 1
    if (begunAnew || before > position.seq) {
      emit({
        kind: 'gap',
        stream,
        from: position.seq + 1,
        to: begunAnew ? null : before,
        epoch: found.epoch,
        seq: before,
      })
    }
    position = { ...position, epoch: found.epoch, seq: before }
    for (const message of missed) take(position, message)
  }

  return { position: () => position, hear, catchUp }
}
