import { Cluster } from 'ioredis'
import type { Logger } from '../telemetry/log.ts'
import type { RedisConnection } from './connect.ts'

/** A Redis that evicts keys when it is full loses jobs and the numbers of streams. */
export async function checkEvictionPolicy(redis: RedisConnection, log: Logger): Promise<void> {
  try {
    for (const server of redis instanceof Cluster ? redis.nodes('master') : [redis]) {
      const [, policy] = (await server.config('GET', 'maxmemory-policy')) as [string, string]
      if (policy !== 'noeviction') log.error({ policy }, 'redis.evicts: set maxmemory-policy noeviction')
    }
  } catch (error) {
    // Hosted Redis often forbids CONFIG.
    log.warn({ err: error }, 'redis.policy_unknown: maxmemory-policy must be noeviction')
  }
}
