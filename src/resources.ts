import type { Closers } from './closers.ts'
import type { Config } from './config.ts'
import { type Database, openDatabase } from './db/database.ts'
import { createSecretBox, type SecretBox } from './db/secret-box.ts'
import type { QueueStore } from './queues/store.ts'
import { connectRedis, type RedisConnection } from './redis/connect.ts'
import type { Backplane } from './streams/backplane.ts'
import { createMemoryBackplane } from './streams/memory-backplane.ts'
import { createRedisBackplane } from './streams/redis-backplane.ts'
import { createRedisWatchedAttempts } from './streams/redis-watched-attempts.ts'
import { createMemoryWatchedAttempts, type WatchedAttempts } from './streams/watched-attempts.ts'
import { type Logger, rateLimitedErrors } from './telemetry/log.ts'
import type { Tracing } from './telemetry/tracing.ts'

/** What a process holds open, whichever parts of the system run in it. */
export interface Resources {
  config: Config
  log: Logger
  databaseUrl: string
  /** The API's connections; the worker part has its own, so that neither starves the other. */
  webDatabase: Database
  workerDatabase: Database
  queueStore: QueueStore
  backplane: Backplane
  watchedAttempts: WatchedAttempts
  secrets: SecretBox
  /** Present when the deployment has a Redis. */
  redis: RedisConnection | undefined
  /** Present when there is a collector of traces. */
  tracing: Tracing | undefined
}

export function openResources(deps: {
  config: Config
  log: Logger
  closers: Closers
  role: 'all' | 'web' | 'worker'
  tracing?: Tracing | undefined
}): Resources {
  const { config, log, closers, role } = deps
  const { databaseUrl, redisUrl, streamsRedisUrl, secretsKeys } = config.secrets
  if (databaseUrl === undefined || secretsKeys === undefined) throw new Error('Secrets must be complete before opening')
  const open = (part: string) => {
    const db = openDatabase({
      url: databaseUrl,
      pool: config.database.pool,
      name: `ara-events ${part}`,
      onError: rateLimitedErrors(log, 'database.error'),
    })
    closers.add(`database of the ${part}`, () => db.close())
    return db
  }
  const webDatabase = open(role === 'worker' ? 'worker' : 'web')
  const workerDatabase = role === 'all' ? open('worker') : webDatabase
  const backplane = openBackplane(deps, streamsRedisUrl)
  closers.add('backplane', () => backplane.close())
  const watchedAttempts =
    streamsRedisUrl === undefined
      ? createMemoryWatchedAttempts()
      : createRedisWatchedAttempts({ url: streamsRedisUrl, log, makesAttempts: role !== 'web' })
  closers.add('watched attempts', () => watchedAttempts.close())
  const redis =
    redisUrl === undefined ? undefined : connectRedis(redisUrl, { name: 'ara-events', log, kind: 'producer' })
  if (redis) closers.add('redis', () => redis.disconnect())
  return {
    config,
    log,
    databaseUrl,
    webDatabase,
    workerDatabase,
    queueStore:
      redisUrl === undefined
        ? { kind: 'postgres', url: databaseUrl }
        : { kind: 'redis', connect: (kind) => connectRedis(redisUrl, { name: `ara-events ${kind}`, log, kind }) },
    backplane,
    watchedAttempts,
    secrets: createSecretBox(secretsKeys),
    redis,
    tracing: deps.tracing,
  }
}

function openBackplane(deps: { config: Config; log: Logger }, url: string | undefined): Backplane {
  const { history } = deps.config.streams
  return url === undefined ? createMemoryBackplane(history) : createRedisBackplane({ url, log: deps.log, history })
}
