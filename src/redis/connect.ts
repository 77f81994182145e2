import { Redis, type RedisOptions } from 'ioredis'
import { type Logger, rateLimitedErrors } from '../telemetry/log.ts'

/**
 * What a connection is for. A `producer` serves requests and fails fast. A `worker` waits for Redis as long as it takes:
 * BullMQ demands it, and with its offline queue off a dead Redis starves the event loop with errors. A `subscriber` fails
 * fast too, and its owner subscribes again when it is `ready`: what ioredis sends on its own may fail with nobody to hear it.
 */
export type ConnectionKind = 'producer' | 'worker' | 'subscriber'

/** ioredis alone backs off to 20 s; a Redis that is back must be found within two. */
const MOST_WAIT_MS = 2_000
const COMMAND_TIMEOUT_MS = 1_000
/** A link that died without a word is given up and made anew. */
const LINK_TIMEOUT_MS = 3_000
/** A worker's command may wait so long for a job to come, and its link is silent meanwhile. */
export const LONGEST_BLOCK_SECONDS = 2

/** A command that was under way when the link broke is not sent again: it may have been obeyed already. */
const FAILS_FAST = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
  socketTimeout: LINK_TIMEOUT_MS,
}
const OPTIONS = {
  producer: FAILS_FAST,
  subscriber: { ...FAILS_FAST, autoResubscribe: false },
  worker: { maxRetriesPerRequest: null, socketTimeout: LONGEST_BLOCK_SECONDS * 1_000 + LINK_TIMEOUT_MS },
} satisfies Record<ConnectionKind, RedisOptions>

export function connectRedis(url: string, options: { name: string; log: Logger; kind: ConnectionKind }): Redis {
  const redis = new Redis(url, {
    connectionName: options.name.replaceAll(' ', '-'),
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(200 * times, MOST_WAIT_MS),
    ...OPTIONS[options.kind],
  })
  redis.on('error', rateLimitedErrors(options.log, 'redis.error'))
  return redis
}
