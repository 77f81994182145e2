import { Cluster } from 'ioredis'
import type { RedisConnection } from './connect.ts'

/**
 * Which run of Redis a connection reaches: another one after a restart or a failover. Asked once a connection. Empty where
 * Redis does not tell. In a cluster `ASK`: which server obeys a script is known only there, so the script must look.
 */
export function runIdOf(redis: RedisConnection): () => Promise<string> {
  if (redis instanceof Cluster) return async () => ASK
  let asked: Promise<string> | undefined
  redis.on('close', () => {
    asked = undefined
  })
  return () => {
    asked ??= ask(redis).catch((error: unknown) => {
      asked = undefined
      throw error
    })
    return asked
  }
}

export const ASK = '?'

async function ask(redis: Exclude<RedisConnection, Cluster>): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? ''
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return ''
    throw error
  }
}
