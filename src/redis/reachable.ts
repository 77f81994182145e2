import { Cluster } from 'ioredis'
import type { RedisConnection } from './connect.ts'

/** Rejects while Redis, or a part of the cluster, does not answer. */
export async function pingRedis(redis: RedisConnection): Promise<void> {
  if (!(redis instanceof Cluster)) return void (await redis.ping())
  if (redis.status !== 'ready') throw new Error('The servers of the cluster are not known yet')
  const masters = redis.nodes('master')
  const states = await Promise.all(masters.map((master) => master.cluster('INFO')))
  const down = states.find((state) => !state.includes('cluster_state:ok'))
  if (down !== undefined) throw new Error('The cluster does not serve every slot')
}
