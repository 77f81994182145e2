import { type ConnectionOptions, createPostgresBackend } from 'bullmq'
import type { RedisConnection } from '../redis/connect.ts'
import { createGatheredBackend } from './gathered-backend.ts'

/** Where BullMQ keeps its jobs. */
export type QueueStore =
  | { kind: 'redis'; connect: (use: 'queue' | 'worker') => RedisConnection }
  | { kind: 'postgres'; url: string }

/** Hash-tagged, so that all keys of a queue are in one slot of a cluster. */
export const PREFIX = '{ara}'

/** Enough for one machine: more connections do not make the PostgreSQL backend faster. */
const POSTGRES_POOL = 5

export interface QueueConnection {
  connection: ConnectionOptions
  /** BullMQ's types tie a backend to its own kind of connection; here both leave as those of the one on Redis. */
  backend: typeof createGatheredBackend
  /** Ends what BullMQ does not: a Redis connection that was handed to it. */
  end: () => void
}

export function connectStore(store: QueueStore, use: 'queue' | 'worker'): QueueConnection {
  if (store.kind === 'redis') {
    const redis = store.connect(use)
    return { connection: redis as ConnectionOptions, backend: createGatheredBackend, end: () => redis.disconnect() }
  }
  const options = {
    connectionString: store.url,
    max: POSTGRES_POOL,
    ...(use === 'queue' ? { query_timeout: 1000 } : {}),
  }
  return {
    connection: options as unknown as ConnectionOptions,
    backend: createPostgresBackend as unknown as typeof createGatheredBackend,
    end: () => undefined,
  }
}
