import type { Closers } from '../src/closers.ts'
import { listenForWake } from '../src/deliveries/wake.ts'
import { openDeliveryQueue } from '../src/queues/delivery-queue.ts'
import type { Resources } from '../src/resources.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import { rateLimitedErrors } from '../src/telemetry/log.ts'
import { startDeliveries } from './deliveries.ts'
import { startAnnouncements, startFeeder } from './feeder.ts'
import { startUpkeep } from './upkeep.ts'

/** Everything a worker does: makes attempts, feeds the queue, announces what was left, keeps the house. */
export interface Work {
  /** Looks for due deliveries now. */
  wake(): void
}

export async function startWork(resources: Resources, metrics: DeliveryMetrics, closers: Closers): Promise<Work> {
  const { config, log, workerDatabase: db, queueStore: store } = resources
  const errors = (what: string) => rateLimitedErrors(log, what)
  const upkeep = startUpkeep({ db, metrics, now: () => new Date(), onError: errors('upkeep.error') })
  closers.add('upkeep', () => upkeep.stop())

  const queue = await openDeliveryQueue({ store, onError: errors('queue.error') })
  closers.add('queue', () => queue.close())

  const feeding = {
    db,
    queue,
    publisher: resources.backplane,
    perWebhook: config.deliveries.perWebhook,
    onFed: metrics.fed,
  }
  const feeder = startFeeder({ ...feeding, onError: errors('feeder.error') })
  closers.add('feeder', () => feeder.stop())
  const announcements = startAnnouncements({ ...feeding, onError: errors('announcements.error') })
  closers.add('announcements', () => announcements.stop())

  const ear = listenForWake({
    url: resources.databaseUrl,
    onWake: () => feeder.wake(),
    onError: errors('wake.error'),
  })
  closers.add('wake', () => ear.close())

  const deliveries = await startDeliveries({
    config,
    db,
    store,
    secrets: resources.secrets,
    metrics,
    log,
    onRoom: () => feeder.wake(),
    onError: errors('worker.error'),
  })
  closers.add('deliveries', () => deliveries.stop(config.server.shutdownSeconds * 1000))
  return { wake: () => feeder.wake() }
}
