import type { Backplane, History, Numbered, Position } from './backplane.ts'
import { createGate } from './gate.ts'
import type { Outbox } from './outbox.ts'
import { RecentMessages } from './recent-messages.ts'
import { isWildcard } from './stream-name.ts'

/** Who in this process listens to what: the backplane is asked only for streams that have a subscriber here. */
export interface Hub {
  /**
   * After it resolves, the caller counts as a subscriber and must `leave`.
   * @throws BackplaneAway, and then the caller does not count
   */
  join(stream: string): Promise<void>
  leave(stream: string): void
  has(stream: string): boolean
  /** All up to it was spread, all after it will be. @throws for a stream that nobody has joined */
  position(stream: string): Position
  /** All that was spread after a number, up to the position; null when that is in the history only. */
  recent(stream: string, after: number): readonly Numbered[] | null
  /** @throws BackplaneAway */
  history(stream: string, after: number): Promise<History>
  /** @throws BackplaneAway */
  refresh(stream: string): Promise<void>
  /** The streams that the wildcard brings. */
  named(): string[]
  /** Spreads all that was heard: who joins or leaves next does so after it. */
  settle(): void
  streams(): number
}

type Follows = 'follow' | 'unfollow' | 'followAll' | 'unfollowAll' | 'named'

/** So many messages of the history are read at once. */
const SLICE = 200
/** Readings for all who resume in this process: when thousands come back at once, the others' commands still get through. */
const READINGS_AT_ONCE = 16

/** @param outbox gets what the joined streams bring, for the sockets of this process */
export function createHub(
  backplane: Pick<Backplane, Follows | 'onHeard' | 'position' | 'history' | 'refresh'>,
  outbox: Pick<Outbox, 'put' | 'settle'>,
): Hub {
  const joined = new Map<string, { subscribers: number; followed: Promise<void>; recent: RecentMessages }>()
  const gate = createGate(READINGS_AT_ONCE)

  backplane.onHeard((heard) => {
    const recent = joined.get(heard.stream)?.recent
    if (heard.kind === 'frame') recent?.push(heard)
    else recent?.clear()
    outbox.put(heard)
  })

  function follow(stream: string): Promise<void> {
    return isWildcard(stream) ? backplane.followAll() : backplane.follow(stream)
  }

  function position(stream: string): Position {
    // What was heard and is still gathered would come again to who joins at this position.
    outbox.settle()
    const found = backplane.position(stream)
    if (!found) throw new Error(`Nobody has joined ${stream}`)
    return found
  }

  return {
    async join(stream) {
      let entry = joined.get(stream)
      if (!entry) {
        entry = { subscribers: 0, followed: follow(stream), recent: new RecentMessages() }
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
      if (isWildcard(stream)) backplane.unfollowAll()
      else backplane.unfollow(stream)
    },
    has: (stream) => joined.has(stream),
    position,
    named: () => backplane.named(),
    settle: () => outbox.settle(),
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
