import { Cluster } from 'ioredis'
import { type Batch, createBatch } from '../redis/batch.ts'
import type { RedisConnection } from '../redis/connect.ts'
import { WILDCARD_CHANNEL, wildcardOf } from './stream-name.ts'

/*
 * Which streams a channel has, for who wants all of them. A publisher names a stream before its first message, and again now and
 * then; who follows all reads the names and follows each stream by itself, so holes are found and filled as everywhere. To
 * subscribe to a pattern was rejected: what it misses of a stream that is not known yet shows in nothing, and a cluster has
 * no patterns where channels lie in slots.
 */
export interface StreamIndex {
  /**
   * Adds to a batch what names the streams that need it.
   * @returns to be called when that was done
   */
  name(batch: Batch, streams: readonly { stream: string }[]): () => void
  /** Streams that began anew: Redis was wiped, and their names with it. */
  nameAgain(streams: readonly { stream: string }[]): Promise<void>
  names(): Promise<string[]>
}

/** A sorted set by the time a stream was named last, and the channel on which names are told. */
export const INDEX = `ara:streams:{${WILDCARD_CHANNEL}}`
const NAME_EVERY_MS = 600_000
/** As long as the numbers of a stream are kept: then one that comes back begins at 1. */
const KEPT_MS = 31 * 86_400_000

export function createStreamIndex(redis: RedisConnection): StreamIndex {
  /** When this process named a stream last. */
  const named = new Map<string, number>()

  const tell = redis instanceof Cluster ? 'spublish' : 'publish'

  function add(batch: Batch, streams: readonly string[], now: number): void {
    batch.add((to) => to.zadd(INDEX, ...streams.flatMap((stream) => [String(now), stream])))
    batch.add((to) => to.zremrangebyscore(INDEX, '-inf', now - KEPT_MS))
    for (const stream of streams) batch.add((to) => to[tell](INDEX, stream))
  }

  return {
    name(batch, streams) {
      const now = Date.now()
      const due = all(streams).filter((stream) => now - (named.get(stream) ?? 0) > NAME_EVERY_MS)
      if (due.length > 0) add(batch, due, now)
      return () => {
        for (const stream of due) named.set(stream, now)
      }
    },
    async nameAgain(streams) {
      const begun = all(streams)
      if (begun.length === 0) return
      for (const stream of begun) named.delete(stream)
      const batch = createBatch(redis)
      const done = this.name(batch, streams)
      await batch.done()
      done()
    },
    names: () => redis.zrange(INDEX, '0', '-1'),
  }
}

function all(streams: readonly { stream: string }[]): string[] {
  return [...new Set(streams.map(({ stream }) => stream))].filter((stream) => wildcardOf(stream) !== null)
}
