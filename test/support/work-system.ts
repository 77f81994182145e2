import { createClosers } from '../../src/closers.ts'
import { readConfig } from '../../src/config.ts'
import type { Lane } from '../../src/deliveries/lane.ts'
import { createAcceptance } from '../../src/events/accept-events.ts'
import { prepareEvent } from '../../src/events/prepare-event.ts'
import { type DeliveryQueue, openDeliveryQueue } from '../../src/queues/delivery-queue.ts'
import { openResources, type Resources } from '../../src/resources.ts'
import { createDeliveryMetrics } from '../../src/telemetry/delivery-metrics.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/metrics.ts'
import { startRestartingWork } from '../../workers/restarting-work.ts'
import type { TestDatabase } from './database.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { SECRETS_KEY } from './work-attempts.ts'

/** A store for BullMQ's jobs, and how it loses them. */
export interface QueueBackend {
  /** What the configuration needs to use it. */
  settings: Record<string, string>
  empty(): Promise<void>
  redis?: TestRedis
  stop(): Promise<void>
}

export const BACKENDS: Record<string, (database: TestDatabase) => Promise<QueueBackend>> = {
  async PostgreSQL(database) {
    const empty = async () => void (await database.db.query({ text: 'DELETE FROM bullmq.job' }))
    return { settings: {}, empty, stop: async () => undefined }
  },
  async Redis() {
    const redis = await startRedis()
    return { settings: { REDIS_URL: redis.url }, empty: () => redis.flushAll(), stop: () => redis.stop(), redis }
  },
}

/** A worker as its process runs it, in this one. */
export interface WorkingSystem {
  resources: Resources
  wake(): void
  /** Stores events as the API does and wakes the feeder. */
  publish(count: number, symbol?: string): Promise<void>
  /** Stops as at SIGTERM. */
  stop(): Promise<void>
}

export async function startSystem(
  database: TestDatabase,
  backend: QueueBackend,
  settings: Record<string, string> = {},
): Promise<WorkingSystem> {
  const env = {
    ...{ DATABASE_URL: database.url, JWT_SECRET: 'a secret of at least 32 bytes for tests', SECRETS_KEY },
    ...{
      WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
      DELIVERY_RETRY_BASE_MS: '50',
      LOG_LEVEL: process.env['WORK_LOG'] ?? 'silent',
    },
    ...backend.settings,
    ...settings,
  }
  const config = readConfig(env, 'all')
  const log = openLog({ level: config.log.level, name: 'test' })
  const closers = createClosers(log)
  const resources = openResources({ config, log, closers, role: 'all' })
  const work = await startRestartingWork(resources, createDeliveryMetrics(createRegistry('test')), closers)
  const accept = createAcceptance({ db: resources.webDatabase })
  return {
    resources,
    wake: work.wake,
    async publish(count, symbol = 'AAPL') {
      const data = { symbol, message: 'Over the threshold' }
      await Promise.all(
        Array.from({ length: count }, async () => {
          const { stored } = prepareEvent({ event_type: 'alert_triggered', data }, 'test', new Date())
          await accept({ events: [stored], answer: { status: 202, body: '' } })
        }),
      )
      work.wake()
    },
    stop: () => closers.closeAll(),
  }
}

/** Looks into the queue as Bull Board does. */
export async function lookIntoQueue<T>(
  system: WorkingSystem,
  look: (queue: ReturnType<DeliveryQueue['current']>) => Promise<T>,
  lane: Lane = 'quick',
): Promise<T> {
  const queue = await openDeliveryQueue({ store: system.resources.queueStore, lane, onError: () => undefined })
  try {
    return await look(queue.current())
  } finally {
    await queue.close()
  }
}
