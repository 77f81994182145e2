import { randomBytes } from 'node:crypto'
import type { Backplane, Heard, HistoryLimits, Position } from './backplane.ts'
import { unnumberedFrame } from './frames.ts'
import { createMemoryHistory } from './memory-history.ts'
import { wildcardOf } from './stream-name.ts'

export type MemoryLimits = HistoryLimits & { bytes: number }

const DEFAULT_LIMITS: MemoryLimits = { messages: 1000, seconds: 300, bytes: 64 * 1024 * 1024 }
/** Numbers outlive the history, so that who comes back late learns that there is a gap. */
const NUMBERS_MS = 30 * 86_400_000
const SWEEP_MS = 3_600_000

/** The backplane of a single process. Numbers begin anew with the process, so each start is an epoch. */
export function createMemoryBackplane(
  limits: MemoryLimits = DEFAULT_LIMITS,
  now: () => number = Date.now,
): Backplane & { sweep(): void } {
  const streams = new Map<string, Position & { at: number }>()
  const history = createMemoryHistory(limits)
  const followed = new Set<string>()
  let followsAll = false
  let epoch = newEpoch()
  let listener: (heard: Heard) => void = () => undefined
  const sweeping = setInterval(sweep, SWEEP_MS).unref()

  function open(stream: string) {
    const known = streams.get(stream)
    if (known) return known
    const fresh = { epoch, seq: 0, last: null, at: now() }
    streams.set(stream, fresh)
    return fresh
  }

  function isHeard(stream: string): boolean {
    return followed.has(stream) || (followsAll && wildcardOf(stream) !== null)
  }

  /** Forgets streams that nothing was published on for long; those that begin after that do so under another epoch. */
  function sweep(): void {
    const oldest = now() - limits.seconds * 1000 - NUMBERS_MS
    for (const [stream, { at }] of streams) {
      if (at > oldest || isHeard(stream)) continue
      streams.delete(stream)
      history.forget(stream)
      epoch = newEpoch()
    }
  }

  return {
    onHeard(heard) {
      listener = heard
    },
    async publish(messages) {
      const at = now()
      for (const message of messages) {
        const { stream, head, tail } = unnumberedFrame(message)
        const position = open(stream)
        const seq = position.seq + 1
        const frame = `${head}${seq}${tail}`
        position.seq = seq
        position.last = frame
        position.at = at
        history.add(stream, { seq, frame }, at)
        if (isHeard(stream)) listener({ kind: 'frame', stream, seq, frame, at })
      }
    },
    async follow(stream) {
      followed.add(stream)
    },
    position: (stream) => (isHeard(stream) ? open(stream) : null),
    refresh: async () => undefined,
    async history(stream, after, most) {
      const position = open(stream)
      return { epoch: position.epoch, seq: position.seq, messages: history.after(stream, after, most, now()) }
    },
    unfollow(stream) {
      followed.delete(stream)
      if (streams.get(stream)?.seq === 0) streams.delete(stream)
    },
    async followAll() {
      followsAll = true
    },
    unfollowAll() {
      followsAll = false
    },
    named: () => (followsAll ? [...streams.keys()].filter((stream) => wildcardOf(stream) !== null) : []),
    sweep,
    check: async () => undefined,
    close: async () => clearInterval(sweeping),
  }
}

function newEpoch(): string {
  return randomBytes(6).toString('hex')
}
