import type { Database } from '../src/db/database.ts'
import { LANES, type Lane } from '../src/deliveries/lane.ts'
import { lanesWithOpenWork } from '../src/deliveries/open-work.ts'
import { type Loop, startLoop } from '../src/loop.ts'
import type { DeliveryQueue } from '../src/queues/delivery-queue.ts'

/**
 * Notices a queue that has silently stopped to hand out jobs: the stores answer, something has been owed for a while that no
 * limit holds back, and yet no job of its lane has come for `limitMs`. Nothing in the process can mend that; a new start can.
 */
export interface Watchdog {
  /** A job has come. */
  sign(lane: Lane): void
  stop(): Promise<void>
}

export interface WatchdogDeps {
  db: Database
  queues: Record<Lane, Pick<DeliveryQueue, 'paused'>>
  perWebhook: number
  limitMs: number
  now: () => number
  onStuck: (lane: Lane) => void
  onError: (error: unknown) => void
}

/** Between two looks; a lane must be found stuck by all of them until the limit. */
const LOOKS = 12
/** What has been due for less may be on its way. */
const OWED_SECONDS = 10

export function startWatchdog(deps: WatchdogDeps): Watchdog {
  const silentSince: Partial<Record<Lane, number>> = {}
  let told = false

  async function look(): Promise<void> {
    const owed = await lanesOwed(deps)
    for (const lane of LANES) {
      if (!owed.has(lane)) delete silentSince[lane]
      else silentSince[lane] ??= deps.now()
      const since = silentSince[lane]
      if (told || since === undefined || deps.now() - since < deps.limitMs) continue
      told = true
      deps.onStuck(lane)
    }
  }

  const loop: Loop = startLoop({
    everyMs: deps.limitMs / LOOKS,
    onError: deps.onError,
    runOnce: async () => void (await look()),
  })
  return {
    sign(lane) {
      delete silentSince[lane]
    },
    stop: () => loop.stop(),
  }
}

/** None while a store is away or a person has paused the queue: then it is clear why no job comes. */
async function lanesOwed(deps: WatchdogDeps): Promise<ReadonlySet<Lane>> {
  try {
    const paused = await Promise.all(LANES.map((lane) => deps.queues[lane].paused()))
    const owed = await lanesWithOpenWork(deps.db, { perWebhook: deps.perWebhook, owedSeconds: OWED_SECONDS })
    return new Set(owed.filter((lane) => !paused[LANES.indexOf(lane)]))
  } catch (error) {
    deps.onError(error)
    return new Set()
  }
}
