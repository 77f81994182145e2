import { crashPoint } from '../src/crash-points.ts'
import type { Database } from '../src/db/database.ts'
import { type Fed, type FeedLimits, returnFed, takeDue, takeLost } from '../src/deliveries/feed.ts'
import { LANES, type Lane, type WebhookLane } from '../src/deliveries/lane.ts'
import { announceMissed } from '../src/events/announce.ts'
import { type Loop, startLoop } from '../src/loop.ts'
import type { DeliveryQueue } from '../src/queues/delivery-queue.ts'
import type { Publisher } from '../src/streams/publisher.ts'

export interface FeederDeps {
  db: Database
  queues: Record<Lane, Pick<DeliveryQueue, 'add' | 'waiting'>>
  limits: Omit<FeedLimits, 'room'>
  /** Whether any webhook is in the slow lane: else its queue need not be asked. */
  anySlow: () => boolean
  metrics: { fed: (jobs: number) => void; refed: (jobs: number) => void; waiting: (lane: Lane, jobs: number) => void }
  onError: (error: unknown) => void
}

const EVERY_MS = 1_000
/**
 * Wakes come with every event and every attempt: so many milliseconds of them make one round. While much waits in the queue a
 * round may gather longer: it is a small part of the time that its jobs will wait there anyhow.
 */
const LEAST_REST_MS = 5
const MOST_REST_MS = 100
const REST_PER_WAITING_MS = 1 / 20
/**
 * What waits in a queue at most; a job costs some 900 bytes of Redis, so its memory is bounded whatever is due. What waits for
 * a place among slow attempts may wait for one that takes its whole time.
 */
const MOST_WAITING: Record<WebhookLane, number> = { quick: 2_000, slow: 100 }
/** One `addBulk`: a few milliseconds of the store, and little to give back when it fails. */
const MOST_AT_ONCE = 500
const MOST_ANNOUNCED = 500

/** Puts due deliveries into the queue, and once a second those again that got lost there. */
export function startFeeder(deps: FeederDeps): Loop {
  let lookedForLostAt = Number.NEGATIVE_INFINITY
  let restMs = LEAST_REST_MS
  const loop = startLoop({
    everyMs: EVERY_MS,
    restMs: () => restMs,
    onError: deps.onError,
    async runOnce() {
      if (performance.now() - lookedForLostAt >= EVERY_MS) {
        const lost = await feedLost(deps)
        // Redis may have lost all of it: the rest follows at once.
        if (lost < MOST_AT_ONCE) lookedForLostAt = performance.now()
      }
      const waiting = await waitingInQueues(deps)
      restMs = Math.max(LEAST_REST_MS, Math.min(MOST_REST_MS, waiting.quick * REST_PER_WAITING_MS))
      const round = await feedOnce(deps, roomBeside(waiting))
      // The other one may have looked just before what woke this one was stored.
      if (round === 'another is feeding') loop.wake()
      return round === 'there may be more'
    },
  })
  return loop
}

export function startAnnouncements(deps: Pick<FeederDeps, 'db' | 'onError'> & { publisher: Publisher }): Loop {
  return startLoop({
    runOnce: async () => (await announceMissed(deps, MOST_ANNOUNCED)) === MOST_ANNOUNCED,
    everyMs: EVERY_MS,
    onError: deps.onError,
  })
}

async function feedOnce(
  deps: FeederDeps,
  room: Record<WebhookLane, number>,
): Promise<'done' | 'there may be more' | 'another is feeding'> {
  if (room.quick <= 0 && room.slow <= 0) return 'done'
  const fed = await takeDue(deps.db, { ...deps.limits, room })
  if (fed === null) return 'another is feeding'
  if (fed.length === 0) return 'done'
  crashPoint('after_take')
  await enqueue(deps, fed)
  crashPoint('after_add')
  deps.metrics.fed(fed.length)
  const quick = fed.filter(({ lane }) => lane === 'quick').length
  // Where less had room the queue is full, and whoever takes from it wakes this.
  return quick === MOST_AT_ONCE ? 'there may be more' : 'done'
}

async function feedLost(deps: FeederDeps): Promise<number> {
  const lost = await takeLost(deps.db, MOST_AT_ONCE)
  if (lost.length === 0) return 0
  await enqueue(deps, lost)
  deps.metrics.refed(lost.length)
  return lost.length
}

async function enqueue(deps: FeederDeps, fed: readonly Fed[]): Promise<void> {
  try {
    await Promise.all(
      LANES.map(async (lane) => {
        const jobs = fed
          .filter((one) => one.lane === lane)
          .map((one) => ({ delivery_id: one.deliveryId, attempt: one.attempt, webhook_id: one.webhookId }))
        if (jobs.length > 0) await deps.queues[lane].add(jobs)
      }),
    )
  } catch (error) {
    await returnFed(deps.db, fed)
    throw error
  }
}

async function waitingInQueues(deps: FeederDeps): Promise<Record<WebhookLane, number>> {
  const [quick, slow] = await Promise.all([
    deps.queues.quick.waiting(),
    deps.anySlow() ? deps.queues.slow.waiting() : 0,
  ])
  deps.metrics.waiting('quick', quick)
  deps.metrics.waiting('slow', slow)
  return { quick, slow }
}

function roomBeside(waiting: Record<WebhookLane, number>): Record<WebhookLane, number> {
  return {
    quick: Math.max(0, Math.min(MOST_AT_ONCE, MOST_WAITING.quick - waiting.quick)),
    slow: Math.max(0, MOST_WAITING.slow - waiting.slow),
  }
}
