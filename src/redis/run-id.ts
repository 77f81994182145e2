import type { Redis } from 'ioredis'

/**
 * Which run of Redis a connection reaches: another one after a restart or a failover. Asked once a connection. Empty where
 * Redis does not tell.
 */
export function runIdOf(redis: Redis): () => Promise<string> {
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

async function ask(redis: Redis): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? ''
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return ''
    throw error
  }
}
