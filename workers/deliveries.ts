import { setTimeout } from 'node:timers/promises'
import type { Config } from '../src/config.ts'
import type { Database } from '../src/db/database.ts'
import type { SecretBox } from '../src/db/secret-box.ts'
import { returnFed } from '../src/deliveries/feed.ts'
import type { HealthFindings } from '../src/deliveries/health-findings.ts'
import { LANES, type Lane } from '../src/deliveries/lane.ts'
import type { Attempted } from '../src/deliveries/make-attempt.ts'
import { countSuspects } from '../src/deliveries/poison.ts'
import { createUnderWay, type UnderWay } from '../src/deliveries/under-way.ts'
import type { AttemptJob } from '../src/queues/delivery-queue.ts'
import { AttemptFailed, openDeliveryWorker } from '../src/queues/delivery-worker.ts'
import type { QueueStore } from '../src/queues/store.ts'
import type { WatchedAttempts } from '../src/streams/watched-attempts.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import type { Logger } from '../src/telemetry/log.ts'
import type { Tracing } from '../src/telemetry/tracing.ts'
import { disableIfFailed } from '../src/webhooks/failing-webhooks.ts'
import { startAttempting } from './attempting.ts'
import { createLoneAttempts, LONE_ATTEMPTS, LONE_PROCESSES } from './lone-attempts.ts'
import type { Opening } from './lone-messages.ts'
import { reportAttempt } from './report-attempt.ts'
import { reportDisabled } from './webhook-upkeep.ts'

export interface DeliveriesDeps {
  config: Config
  databaseUrl: string
  db: Database
  store: QueueStore
  secrets: SecretBox
  health: HealthFindings
  metrics: DeliveryMetrics
  watched: Pick<WatchedAttempts, 'made'>
  log: Logger
  tracing: Tracing | undefined
  /** Called after every attempt: its webhook has room for another delivery. */
  onRoom: () => void
  /** Called with every job that the queue hands out. */
  onJob: (lane: Lane) => void
  onError: (error: unknown) => void
}

export interface Deliveries {
  /** Takes no new job, lets the running attempts end until the deadline, then aborts them without spending an attempt. */
  stop(deadlineMs: number): Promise<void>
}

/** After the abort, time to record what was cut short. */
const RECORD_ABORTED_MS = 2_000
const SWEEP_MS = 250

/** Takes attempts from the queues of all lanes and makes them. */
export async function startDeliveries(deps: DeliveriesDeps): Promise<Deliveries> {
  const { config } = deps
  const { concurrency, slow } = config.deliveries
  const abort = new AbortController()
  const underWay = createUnderWay({
    slowMs: slow.ms,
    mostWithoutPlace: slow.concurrency,
    now: () => performance.now(),
    onSlow: (webhookId) => deps.health.note(webhookId, { slow: true }),
  })
  const told = {
    onGone: async (webhookId: string) => {
      const disabled = await disableIfFailed(deps.db, deps.config.failing, webhookId)
      if (disabled) reportDisabled(deps, disabled)
    },
    onAttempt: (attempted: Attempted) => {
      noteAttempt(deps, underWay, attempted)
      reportAttempt(deps, attempting.name, attempted)
      deps.watched.made(attempted)
      deps.onRoom()
    },
    onError: deps.onError,
  }
  const attempting = startAttempting({
    ...told,
    db: deps.db,
    secrets: deps.secrets,
    rules: config.deliveries,
    version: config.version,
    tracing: deps.tracing,
    metrics: deps.metrics,
    onClaimed: (claimed) => underWay.sent(claimed.deliveryId, claimed.test ? null : claimed.webhook.id),
  })
  const lone = createLoneAttempts({ ...told, opening: openingOf(deps) })
  // They take as long to begin as this worker has left where workers are killed again and again.
  lone.prepare(await countSuspects(deps.db, LONE_PROCESSES))

  async function run(lane: Lane, job: AttemptJob): Promise<boolean> {
    const claim = { deliveryId: job.delivery_id, attempt: job.attempt }
    deps.onJob(lane)
    // Its webhook turned slow while it waited.
    if (lane === 'quick' && deps.health.laneOf(job.webhook_id) === 'slow') {
      await returnFed(deps.db, [claim])
      deps.onRoom()
      return false
    }
    const { make } = lane === 'alone' ? lone : attempting
    const attempt = () => make(claim, abort.signal)
    const attempted = await (lane === 'quick' ? underWay.follow(job.delivery_id, attempt) : attempt())
    if (attempted === 'goes on without its place') return true
    if (attempted?.status === 'failed') throw new AttemptFailed(describeFailure(attempted))
    return attempted !== null
  }

  const workers = await Promise.all(
    LANES.map((lane) =>
      openDeliveryWorker({
        store: deps.store,
        lane,
        name: attempting.name,
        concurrency: { quick: concurrency, slow: slow.concurrency, alone: LONE_ATTEMPTS }[lane],
        onError: deps.onError,
        attempt: (job) =>
          run(lane, job).catch((error) => {
            if (!(error instanceof AttemptFailed)) deps.onError(error)
            throw error
          }),
      }),
    ),
  )
  const sweep = setInterval(() => {
    underWay.sweep()
    deps.metrics.slowAttempts(underWay.leftTheirPlaces())
  }, SWEEP_MS)
  for (const worker of workers) worker.run()
  return {
    async stop(deadlineMs) {
      const lastMs = deadlineMs + RECORD_ABORTED_MS
      const closing = Promise.all([...workers.map((worker) => worker.close(lastMs)), underWay.settled(lastMs)])
      const deadline = new AbortController()
      const abortLate = setTimeout(deadlineMs, undefined, { signal: deadline.signal }).then(
        () => abort.abort(),
        () => undefined,
      )
      await closing
      clearInterval(sweep)
      deadline.abort()
      await abortLate
      await lone.close()
      await attempting.close()
    },
  }
}

/** The process of lone attempts reads no environment: in the embedded mode it would not find all there. */
function openingOf({ config, databaseUrl }: DeliveriesDeps): Opening {
  const { allowCidrs, retryBaseMs, retryCapMs, timeoutMs } = config.deliveries
  return {
    databaseUrl,
    keys: config.secrets.secretsKeys ?? [],
    rules: { allowCidrs, retryBaseMs, retryCapMs, timeoutMs },
    version: config.version,
    tracing: config.tracing,
    crashAt: config.crashAt,
  }
}

/** What an attempt says about its webhook. A test says nothing, nor does what went wrong on our side. */
function noteAttempt(deps: Pick<DeliveriesDeps, 'config' | 'health'>, underWay: UnderWay, attempted: Attempted): void {
  if (attempted.test || attempted.status === 'aborted' || attempted.error === 'internal') return
  deps.health.note(attempted.webhookId, {
    failed: attempted.status === 'failed',
    ...(underWay.isSlow(attempted.deliveryId) ? {} : { slow: attempted.durationMs > deps.config.deliveries.slow.ms }),
  })
}

function describeFailure(attempted: Attempted): string {
  const next =
    attempted.retryInMs === null ? 'no attempt is left' : `next attempt in ${Math.round(attempted.retryInMs / 1000)} s`
  return `${attempted.error}${attempted.responseCode === null ? '' : ` (${attempted.responseCode})`}; ${next}`
}
