import type { Redis } from 'ioredis'
import type { Logger } from '../telemetry/log.ts'

/** A Redis that evicts keys when it is full loses jobs and the numbers of streams. */
export async function checkEvictionPolicy(redis: Redis, log: Logger): Promise<void> {
  try {
    const [, policy] = (await redis.config('GET', 'maxmemory-policy')) as [string, string]
    if (policy !== 'noeviction') log.error({ policy }, 'redis.evicts: set maxmemory-policy noeviction')
  } catch (error) {
    // Hosted Redis often forbids CONFIG.
    log.warn({ err: error }, 'redis.policy_unknown: maxmemory-policy must be noeviction')
  }
}
