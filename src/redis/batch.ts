import { type ChainableCommander, Cluster } from 'ioredis'
import type { RedisConnection } from './connect.ts'

/** Commands that go out together, each in the order of those for the same key. */
export interface Batch {
  add(command: (to: RedisConnection | ChainableCommander) => unknown): void
  readonly length: number
  /** The answers in their order. Rejects when a command failed; others may have been obeyed. */
  done(): Promise<unknown[]>
}

/** One write to one Redis. The keys may lie on several servers of a cluster, so there each command goes by itself. */
export function createBatch(redis: RedisConnection): Batch {
  return redis instanceof Cluster ? separately(redis) : asPipeline(redis.pipeline())
}

function asPipeline(pipeline: ChainableCommander): Batch {
  return {
    add: (command) => void command(pipeline),
    get length() {
      return pipeline.length
    },
    async done() {
      const results = (await pipeline.exec()) ?? []
      const failed = results.find(([error]) => error !== null)
      if (failed?.[0]) throw failed[0]
      return results.map(([, answer]) => answer)
    },
  }
}

function separately(cluster: Cluster): Batch {
  const answers: unknown[] = []
  return {
    add: (command) => void answers.push(command(cluster)),
    get length() {
      return answers.length
    },
    async done() {
      const settled = await Promise.allSettled(answers)
      return settled.map((one) => {
        if (one.status === 'rejected') throw one.reason
        return one.value
      })
    },
  }
}
