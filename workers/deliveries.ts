import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../src/config.ts'
import type { Database } from '../src/db/database.ts'
import type { SecretBox } from '../src/db/secret-box.ts'
import { createClaim } from '../src/deliveries/claim.ts'
import { createLeases, RENEW_EVERY_MS } from '../src/deliveries/leases.ts'
import { type Attempted, makeAttempt } from '../src/deliveries/make-attempt.ts'
import { createRecord } from '../src/deliveries/record.ts'
import { createSender } from '../src/deliveries/send.ts'
import { publicId, uuidv7 } from '../src/ids.ts'
import { startLoop } from '../src/loop.ts'
import { AttemptFailed, openDeliveryWorker } from '../src/queues/delivery-worker.ts'
import type { QueueStore } from '../src/queues/store.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import type { Logger } from '../src/telemetry/log.ts'
import { deactivateWebhook } from '../src/webhooks/deactivate-webhook.ts'

export interface DeliveriesDeps {
  config: Config
  db: Database
  store: QueueStore
  secrets: SecretBox
  metrics: DeliveryMetrics
  log: Logger
  /** Called after every attempt: its webhook has room for another delivery. */
  onRoom: () => void
  onError: (error: unknown) => void
}

export interface Deliveries {
  /** Takes no new job, lets the running attempts end until the deadline, then aborts them without spending an attempt. */
  stop(deadlineMs: number): Promise<void>
}

/** After the abort, time to record what was cut short. */
const RECORD_ABORTED_MS = 2_000

/** Takes attempts from the queue and makes them. */
export async function startDeliveries(deps: DeliveriesDeps): Promise<Deliveries> {
  const name = `${hostname()}:${process.pid}:${uuidv7().slice(-6)}`
  const leases = createLeases({ db: deps.db, worker: name })
  const sender = createSender({ allowCidrs: deps.config.deliveries.allowCidrs })
  const abort = new AbortController()
  const attempt = {
    claim: createClaim({ db: deps.db, worker: name, onBatch: deps.metrics.claimed }),
    record: createRecord({ db: deps.db, worker: name, onBatch: deps.metrics.recorded }),
    leases,
    sender,
    secrets: deps.secrets,
    retry: { baseMs: deps.config.deliveries.retryBaseMs, capMs: deps.config.deliveries.retryCapMs },
    timeoutMs: deps.config.deliveries.timeoutMs,
    version: deps.config.version,
    random: Math.random,
    onGone: async (webhookId: string) => {
      await deactivateWebhook(deps.db, webhookId, 'The receiver answered 410 Gone.')
    },
    onAttempt: (attempted: Attempted) => {
      logAttempt(deps, name, attempted)
      deps.onRoom()
    },
    onError: deps.onError,
  }
  const worker = await openDeliveryWorker({
    store: deps.store,
    name,
    concurrency: deps.config.deliveries.concurrency,
    onError: deps.onError,
    attempt: async (job) => {
      try {
        const claim = { deliveryId: job.delivery_id, attempt: job.attempt }
        const attempted = await makeAttempt(attempt, claim, abort.signal)
        if (attempted?.status === 'failed') throw new AttemptFailed(describeFailure(attempted))
        return attempted !== null
      } catch (error) {
        if (!(error instanceof AttemptFailed)) deps.onError(error)
        throw error
      }
    },
  })
  const renewal = startLoop({
    runOnce: async () => void (await leases.renew()),
    everyMs: RENEW_EVERY_MS,
    onError: deps.onError,
  })
  worker.run()
  return {
    async stop(deadlineMs) {
      const closing = worker.close(deadlineMs + RECORD_ABORTED_MS)
      const deadline = new AbortController()
      const abortLate = setTimeout(deadlineMs, undefined, { signal: deadline.signal }).then(
        () => abort.abort(),
        () => undefined,
      )
      await closing
      deadline.abort()
      await abortLate
      await renewal.stop()
      await sender.close()
    },
  }
}

function describeFailure(attempted: Attempted): string {
  const next =
    attempted.retryInMs === null ? 'no attempt is left' : `next attempt in ${Math.round(attempted.retryInMs / 1000)} s`
  return `${attempted.error}${attempted.responseCode === null ? '' : ` (${attempted.responseCode})`}; ${next}`
}

function logAttempt(deps: DeliveriesDeps, worker: string, attempted: Attempted): void {
  deps.metrics.attempted(attempted.status, attempted.error, attempted.durationMs)
  deps.log.info(
    {
      worker,
      delivery_id: publicId('dlv', attempted.deliveryId),
      webhook_id: publicId('wh', attempted.webhookId),
      event_type: attempted.eventType,
      attempt: attempted.attempt,
      status: attempted.recorded ? attempted.status : 'superseded',
      response_code: attempted.responseCode,
      error: attempted.error,
      duration_ms: attempted.durationMs,
      retry_in_ms: attempted.retryInMs,
      test: attempted.test,
    },
    'delivery.attempted',
  )
}
