import { randomBytes } from 'node:crypto'
import type { Backplane, Heard, Position } from './backplane.ts'
import { unnumberedFrame } from './frames.ts'

/** The backplane of a single process. Numbers begin anew with the process, so each start is an epoch. */
export function createMemoryBackplane(): Backplane {
  const epoch = randomBytes(6).toString('hex')
  const streams = new Map<string, Position>()
  const followed = new Set<string>()
  let listener: (heard: Heard) => void = () => undefined

  function positionOf(stream: string): Position {
    const known = streams.get(stream)
    if (known) return known
    const fresh = { epoch, seq: 0, last: null }
    streams.set(stream, fresh)
    return fresh
  }

  return {
    onHeard(heard) {
      listener = heard
    },
    async publish(messages) {
      for (const message of messages) {
        const { stream, head, tail } = unnumberedFrame(message)
        const position = positionOf(stream)
        position.seq += 1
        position.last = `${head}${position.seq}${tail}`
        if (followed.has(stream)) listener({ kind: 'frame', stream, frame: position.last })
      }
    },
    async follow(stream) {
      followed.add(stream)
    },
    position: (stream) => (followed.has(stream) ? positionOf(stream) : null),
    unfollow: (stream) => void followed.delete(stream),
    check: async () => undefined,
    close: async () => undefined,
  }
}
