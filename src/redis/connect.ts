import { Redis } from 'ioredis'
import { type Logger, rateLimitedErrors } from '../telemetry/log.ts'

/**
 * What a connection is for. A `producer` serves requests and fails fast. A `worker` waits for Redis as long as it takes:
 * BullMQ demands it, and with its offline queue off a dead Redis starves the event loop with errors. A `subscriber` waits
 * too, and subscribes again by itself.
 */
export type ConnectionKind = 'producer' | 'worker' | 'subscriber'

/** ioredis alone backs off to 20 s; a Redis that is back must be found within two. */
const MOST_WAIT_MS = 2_000
const COMMAND_TIMEOUT_MS = 1_000

export function connectRedis(url: string, options: { name: string; log: Logger; kind: ConnectionKind }): Redis {
  const failsFast = options.kind === 'producer'
  const redis = new Redis(url, {
    connectionName: options.name.replaceAll(' ', '-'),
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(200 * times, MOST_WAIT_MS),
    maxRetriesPerRequest: failsFast ? 1 : null,
    enableOfflineQueue: !failsFast,
    ...(failsFast ? { commandTimeout: COMMAND_TIMEOUT_MS } : {}),
  })
  redis.on('error', rateLimitedErrors(options.log, 'redis.error'))
  return redis
}
