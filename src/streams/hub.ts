import type { Backplane, Position } from './backplane.ts'

/** Who in this process listens to what: the backplane is asked only for streams that have a subscriber here. */
export interface Hub {
  /**
   * After it resolves, the caller counts as a subscriber and must `leave`.
   * @throws BackplaneAway, and then the caller does not count
   */
  join(stream: string): Promise<void>
  leave(stream: string): void
  /** @throws for a stream that nobody has joined */
  position(stream: string): Position
  streams(): number
}

export function createHub(backplane: Pick<Backplane, 'follow' | 'unfollow' | 'position'>): Hub {
  const joined = new Map<string, { subscribers: number; followed: Promise<void> }>()
  return {
    async join(stream) {
      const entry = joined.get(stream) ?? { subscribers: 0, followed: backplane.follow(stream) }
      joined.set(stream, entry)
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
    position(stream) {
      const position = backplane.position(stream)
      if (!position) throw new Error(`Nobody has joined ${stream}`)
      return position
    },
    streams: () => joined.size,
  }
}
