import type { Backplane, Heard, History, Numbered, Position } from './backplane.ts'
import { createGate } from './gate.ts'
import { RecentMessages } from './recent-messages.ts'

/** Who in this process listens to what: the backplane is asked only for streams that have a subscriber here. */
export interface Hub {
  /**
   * After it resolves, the caller counts as a subscriber and must `leave`.
   * @throws BackplaneAway, and then the caller does not count
   */
  join(stream: string): Promise<void>
  leave(stream: string): void
  /** All up to it was spread, all after it will be. @throws for a stream that nobody has joined */
  position(stream: string): Position
  /** All that was spread after a number, up to the position; null when that is in the history only. */
  recent(stream: string, after: number): readonly Numbered[] | null
  /** @throws BackplaneAway */
  history(stream: string, after: number): Promise<History>
  /** @throws BackplaneAway */
  refresh(stream: string): Promise<void>
  streams(): number
}

/** So many messages of the history are read at once. */
const SLICE = 200
/** Readings for all who resume in this process: when thousands come back at once, the others' commands still get through. */
const READINGS_AT_ONCE = 16

/** @param spread gets what the joined streams bring, for the sockets of this process */
export function createHub(
  backplane: Pick<Backplane, 'onHeard' | 'follow' | 'unfollow' | 'position' | 'history' | 'refresh'>,
  spread: (heard: Heard) => void,
): Hub {
  const joined = new Map<string, { subscribers: number; followed: Promise<void>; recent: RecentMessages }>()
  const gate = createGate(READINGS_AT_ONCE)

  backplane.onHeard((heard) => {
    const recent = joined.get(heard.stream)?.recent
    if (heard.kind === 'frame') recent?.push(heard)
    else recent?.clear()
    spread(heard)
  })

  function position(stream: string): Position {
    const found = joined.has(stream) ? backplane.position(stream) : null
    if (!found) throw new Error(`Nobody has joined ${stream}`)
    return found
  }

  return {
    async join(stream) {
      let entry = joined.get(stream)
      if (!entry) {
        entry = { subscribers: 0, followed: backplane.follow(stream), recent: new RecentMessages() }
        joined.set(stream, entry)
      }
      entry.subscribers += 1
      try {
        await entry.followed
      } catch (error) {
        if (joined.get(stream) === entry) joined.delete(stream)
        throw error
      }
    },
    leave(stream) {
      const entry = joined.get(stream)
      if (!entry) return
      entry.subscribers -= 1
      if (entry.subscribers > 0) return
      joined.delete(stream)
      backplane.unfollow(stream)
    },
    position,
    recent(stream, after) {
      if (after >= position(stream).seq) return []
      return joined.get(stream)?.recent.after(after) ?? null
    },
    history(stream, after) {
      joined.get(stream)?.recent.widen()
      return gate(() => backplane.history(stream, after, SLICE))
    },
    refresh: (stream) => gate(() => backplane.refresh(stream)),
    streams: () => joined.size,
  }
}
