import { Readable } from 'node:stream'

/** Bytes that say where they belong: every four are the number of their place. */
export function placedBytes(from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((from + at) / 4, at)
  return bytes
}

/** @returns the first place whose bytes are not its own, or -1 */
export function misplacedAt(bytes: Buffer): number {
  for (let at = 0; at + 4 <= bytes.length; at += 4) if (bytes.readUInt32LE(at) !== at / 4) return at
  return -1
}

export interface CountedSource {
  stream: Readable
  /** Bytes taken from it so far. */
  pulled(): number
}

/** A source that makes its next chunk when it is asked for it. */
export function countedSource(total: number, chunkLength: number): CountedSource {
  let pulled = 0
  const stream = new Readable({
    highWaterMark: 1,
    read() {
      const length = Math.min(chunkLength, total - pulled)
      if (length === 0) this.push(null)
      else {
        pulled += length
        this.push(placedBytes(pulled - length, length))
      }
    },
  })
  return { stream, pulled: () => pulled }
}
