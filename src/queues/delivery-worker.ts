import { Worker } from 'bullmq'
import { type AttemptJob, DELIVERIES } from './delivery-queue.ts'
import { connectStore, PREFIX, type QueueStore } from './store.ts'

export interface DeliveryWorker {
  run(): void
  /** Takes no new job, waits for the running ones at most `deadlineMs`, then lets go. */
  close(deadlineMs: number): Promise<void>
}

/** A killed worker's jobs run again after 3-6 s; the lease in PostgreSQL decides whether anything is sent. */
const LOCK_MS = 6_000
const STALLED_CHECK_MS = 3_000

/**
 * Runs `attempt` for every job. What it throws fails the job, for Bull Board to show; nothing else follows from it.
 * The store must be reachable and migrated when this is called: a worker built without it may be dead for ever.
 */
export async function openDeliveryWorker(deps: {
  store: QueueStore
  name: string
  concurrency: number
  attempt: (job: AttemptJob) => Promise<void>
  onError: (error: unknown) => void
}): Promise<DeliveryWorker> {
  const { connection, backend, end } = connectStore(deps.store, 'worker')
  const options = {
    connection,
    prefix: PREFIX,
    name: deps.name,
    autorun: false,
    concurrency: deps.concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    // Cumulative over a job's life; what kills its worker is counted in PostgreSQL.
    maxStalledCount: 1_000,
    runRetryDelay: 1_000,
  }
  const worker = new Worker<AttemptJob, void>(DELIVERIES, (job) => deps.attempt(job.data), options, backend)
  worker.on('error', deps.onError)
  await worker.waitUntilReady()
  return {
    run() {
      worker.run().catch(deps.onError)
    },
    async close(deadlineMs) {
      await Promise.race([worker.close().catch(deps.onError), sleep(deadlineMs)])
      await Promise.race([worker.close(true).catch(deps.onError), sleep(1_000)])
      end()
    },
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
