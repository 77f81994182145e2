import type { HistoryLimits, Numbered } from './backplane.ts'
import { Fifo } from './fifo.ts'

/** The latest messages of every stream, within a count and an age for each and a size for all. */
export interface MemoryHistory {
  add(stream: string, message: Numbered, at: number): void
  /** What is kept after a number, at most `most` messages, the oldest first. */
  after(stream: string, seq: number, most: number, now: number): Numbered[]
  forget(stream: string): void
  bytes(): number
}

interface Kept extends Numbered {
  at: number
  stream: Fifo<Kept>
  bytes: number
}

/** What a message costs beside the characters of its frame. */
const OVERHEAD_BYTES = 200

export function createMemoryHistory(limits: HistoryLimits & { bytes: number }): MemoryHistory {
  const streams = new Map<string, Fifo<Kept>>()
  /** Of all streams, the oldest first. What a stream dropped because of its count stays here, empty, until it is swept out. */
  const all = new Fifo<Kept>()
  let dropped = 0
  let bytes = 0

  function drop(stream: Fifo<Kept>): void {
    const kept = stream.shift()
    if (!kept) return
    bytes -= kept.bytes
    kept.bytes = 0
    kept.frame = ''
    dropped += 1
    if (dropped < 1024 || dropped * 2 < all.length) return
    all.filter((one) => one.bytes > 0)
    dropped = 0
  }

  /** The oldest of all streams go first, so no stream can push out what is younger in another. */
  function trim(now: number): void {
    const oldest = now - limits.seconds * 1000
    for (let first = all.at(0); first && (first.at < oldest || bytes > limits.bytes || first.bytes === 0); ) {
      if (first.bytes > 0) drop(first.stream)
      if (all.at(0) === first) {
        all.shift()
        dropped = Math.max(0, dropped - 1)
      }
      first = all.at(0)
    }
  }

  return {
    add(stream, { seq, frame }, at) {
      let own = streams.get(stream)
      if (!own) {
        own = new Fifo<Kept>()
        streams.set(stream, own)
      }
      const kept = { seq, frame, at, stream: own, bytes: frame.length + OVERHEAD_BYTES }
      own.push(kept)
      all.push(kept)
      bytes += kept.bytes
      if (own.length > limits.messages) drop(own)
      trim(at)
    },
    after(stream, seq, most, now) {
      trim(now)
      const own = streams.get(stream)
      const first = own?.at(0)
      if (!own || !first) return []
      const from = Math.max(0, seq + 1 - first.seq)
      return own.slice(from, from + most)
    },
    forget(stream) {
      const own = streams.get(stream)
      while (own && own.length > 0) drop(own)
      streams.delete(stream)
    },
    bytes: () => bytes,
  }
}
