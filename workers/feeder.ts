import { crashPoint } from '../src/crash-points.ts'
import type { Database } from '../src/db/database.ts'
import { returnFed, takeDue } from '../src/deliveries/feed.ts'
import { announceMissed } from '../src/events/announce.ts'
import { type Loop, startLoop } from '../src/loop.ts'
import type { DeliveryQueue } from '../src/queues/delivery-queue.ts'
import type { Publisher } from '../src/streams/publisher.ts'

export interface FeederDeps {
  db: Database
  queue: Pick<DeliveryQueue, 'add' | 'waiting'>
  publisher: Publisher
  perWebhook: number
  onFed: (jobs: number) => void
  onError: (error: unknown) => void
}

const EVERY_MS = 1_000
/** Wakes come with every event and every attempt: so many milliseconds of them make one round. */
const REST_MS = 5
/** What waits in the queue at most; a job costs some 900 bytes of Redis, so its memory is bounded whatever is due. */
const MOST_WAITING = 2_000
/** One `addBulk`: a few milliseconds of the store, and little to give back when it fails. */
const MOST_AT_ONCE = 500
const MOST_ANNOUNCED = 500

/** Puts due deliveries into the queue and announces what was left unannounced. */
export function startFeeder(deps: FeederDeps): Loop {
  return startLoop({ runOnce: () => feedOnce(deps), everyMs: EVERY_MS, restMs: REST_MS, onError: deps.onError })
}

export function startAnnouncements(deps: Pick<FeederDeps, 'db' | 'publisher' | 'onError'>): Loop {
  return startLoop({
    runOnce: async () => (await announceMissed(deps, MOST_ANNOUNCED)) === MOST_ANNOUNCED,
    everyMs: EVERY_MS,
    onError: deps.onError,
  })
}

/** @returns whether there may be more to feed right now */
export async function feedOnce(deps: FeederDeps): Promise<boolean> {
  const room = Math.min(MOST_AT_ONCE, MOST_WAITING - (await deps.queue.waiting()))
  if (room <= 0) return false
  const claims = await takeDue(deps.db, { perWebhook: deps.perWebhook, most: room })
  if (claims.length === 0) return false
  crashPoint('after_take')
  try {
    await deps.queue.add(claims.map((claim) => ({ delivery_id: claim.deliveryId, attempt: claim.attempt })))
  } catch (error) {
    await returnFed(deps.db, claims)
    throw error
  }
  crashPoint('after_add')
  deps.onFed(claims.length)
  return claims.length === room
}
