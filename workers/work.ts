import type { Closers } from '../src/closers.ts'
import { LANES, type Lane } from '../src/deliveries/lane.ts'
import { listenForWake } from '../src/deliveries/wake.ts'
import { type DeliveryQueue, openDeliveryQueue } from '../src/queues/delivery-queue.ts'
import type { Resources } from '../src/resources.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import { rateLimitedErrors } from '../src/telemetry/log.ts'
import { startDeliveries } from './deliveries.ts'
import { startAnnouncements, startFeeder } from './feeder.ts'
import { startHealth } from './health.ts'
import { startRecoveries } from './recoveries.ts'
import { startRetention } from './retention.ts'
import { startUpkeep } from './upkeep.ts'
import { startWatchdog } from './watchdog.ts'
import { startResealing, startWebhookUpkeep } from './webhook-upkeep.ts'

/** Everything a worker does: makes attempts, feeds the queue, announces what was left, keeps the house. */
export interface Work {
  /** Looks for due deliveries now. */
  wake(): void
}

/** @param onStuck told once when the queue has stopped to hand out jobs, which only a new start can mend */
export async function startWork(
  resources: Resources,
  metrics: DeliveryMetrics,
  closers: Closers,
  onStuck: (lane: Lane) => void,
): Promise<Work> {
  const { config, log, workerDatabase: db, queueStore: store } = resources
  const { deliveries: rules } = config
  const errors = (what: string) => rateLimitedErrors(log, what)
  const now = () => new Date()
  const { retentionDays, auditRetentionDays } = config.database
  const upkeep = startUpkeep({ db, metrics, retentionDays, auditRetentionDays, now, onError: errors('upkeep.error') })
  closers.add('upkeep', () => upkeep.stop())
  const retention = startRetention({
    ...{ url: resources.databaseUrl, retentionDays, now },
    onDone: ({ dropped, kept }) => {
      if (dropped.length > 0 || kept.length > 0) log.info({ dropped, kept }, 'retention.finished')
    },
    onError: errors('retention.error'),
  })
  closers.add('retention', () => retention.stop())
  const care = { db, rules: config.failing, metrics, log }
  const webhooks = startWebhookUpkeep({ ...care, onError: errors('webhook_upkeep.error') })
  closers.add('upkeep of webhooks', () => webhooks.stop())
  const resealing = startResealing({ db, secrets: resources.secrets, metrics, log, onError: errors('reseal.error') })
  closers.add('resealing', () => resealing.stop())

  const queues = await openQueues(resources, closers)
  const health = startHealth({
    db,
    config: rules,
    metrics,
    onStored: () => feeder.wake(),
    onError: errors('health.error'),
  })
  closers.add('health', () => health.stop())

  const publisher = resources.backplane
  const feeder = startFeeder({
    db,
    queues,
    limits: {
      perWebhook: rules.perWebhook,
      perUser: rules.perUserPerSecond,
      probeEveryMs: rules.breaker.probeEveryMs,
    },
    anySlow: () => health.findings.anySlow(),
    metrics,
    onError: errors('feeder.error'),
  })
  closers.add('feeder', () => feeder.stop())
  const announcements = startAnnouncements({ db, publisher, onError: errors('announcements.error') })
  closers.add('announcements', () => announcements.stop())

  const recoveries = startRecoveries({
    db,
    onRecovered: () => feeder.wake(),
    onError: errors('recoveries.error'),
  })
  closers.add('recoveries', () => recoveries.stop())

  const ear = listenForWake({
    url: resources.databaseUrl,
    onWake: () => feeder.wake(),
    onError: errors('wake.error'),
  })
  closers.add('wake', () => ear.close())

  const watchdog = startWatchdog({
    db,
    queues,
    perWebhook: rules.perWebhook,
    limitMs: config.watchdogMs,
    now: () => performance.now(),
    onStuck,
    onError: errors('watchdog.error'),
  })
  closers.add('watchdog', () => watchdog.stop())

  const deliveries = await startDeliveries({
    config,
    databaseUrl: resources.databaseUrl,
    db,
    store,
    secrets: resources.secrets,
    watched: resources.watchedAttempts,
    health: health.findings,
    metrics,
    log,
    tracing: resources.tracing,
    onRoom: () => feeder.wake(),
    onJob: (lane) => watchdog.sign(lane),
    onError: errors('worker.error'),
  })
  closers.add('deliveries', () => deliveries.stop(config.server.shutdownSeconds * 1000))
  return { wake: () => feeder.wake() }
}

async function openQueues({ queueStore: store, log }: Resources, closers: Closers) {
  const open = async (lane: Lane): Promise<[Lane, DeliveryQueue]> => {
    const queue = await openDeliveryQueue({ store, lane, onError: rateLimitedErrors(log, 'queue.error') })
    closers.add(`queue of the ${lane} lane`, () => queue.close())
    return [lane, queue]
  }
  return Object.fromEntries(await Promise.all(LANES.map(open))) as Record<Lane, DeliveryQueue>
}
