import { type Job, Worker } from 'bullmq'
import { LONGEST_BLOCK_SECONDS } from '../redis/connect.ts'
import { type AttemptJob, QUEUES } from './delivery-queue.ts'
import { connectStore, PREFIX, type QueueStore } from './store.ts'

export interface DeliveryWorker {
  run(): void
  /** Takes no new job, waits for the running ones at most `deadlineMs`, then lets go. */
  close(deadlineMs: number): Promise<void>
}

/**
 * A killed worker's jobs run again after one to two checks; the lease in PostgreSQL decides whether anything is sent. Under
 * suspicion are those whose workers are killed often: they are to get their turn in between.
 */
const LOCK_MS = { quick: 3_000, slow: 3_000, alone: 2_000 }
const STALLED_CHECK_MS = 1_000
/**
 * What Bull Board shows: the latest that failed, and of those that did not one in some; PostgreSQL has all of them. To keep a
 * job costs Redis as much again as to end it.
 */
const FAILED_KEPT = 1_000
const COMPLETED_KEPT = 100
const COMPLETED_SHOWN_OF = 20
/** What the store may take to hear that a job has ended. */
const COMPLETION_MS = 1_000

/** Fails a job whose attempt was made, for Bull Board to show. */
export class AttemptFailed extends Error {}

/**
 * Runs `attempt` for every job; it resolves to whether there was one to make. A job fails by what it throws, and nothing
 * else follows from that. The store must be reachable and migrated when this is called: a worker built without it may be dead for ever.
 */
export async function openDeliveryWorker(deps: {
  store: QueueStore
  lane: keyof typeof QUEUES
  name: string
  concurrency: number
  attempt: (job: AttemptJob) => Promise<boolean>
  onError: (error: unknown) => void
}): Promise<DeliveryWorker> {
  const { connection, backend, end } = connectStore(deps.store, 'worker')
  const options = {
    connection,
    prefix: PREFIX,
    name: deps.name,
    autorun: false,
    concurrency: deps.concurrency,
    lockDuration: LOCK_MS[deps.lane],
    stalledInterval: STALLED_CHECK_MS,
    // Cumulative over a job's life; what kills its worker is counted in PostgreSQL.
    maxStalledCount: 1_000,
    runRetryDelay: 1_000,
    drainDelay: LONGEST_BLOCK_SECONDS,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: FAILED_KEPT },
  }
  const running = new Set<Promise<void>>()
  let taken = 0
  const worker = new Worker<AttemptJob, void>(QUEUES[deps.lane], track, options, backend)
  worker.on('error', deps.onError)
  await worker.waitUntilReady()

  function track(job: Job<AttemptJob>): Promise<void> {
    taken += 1
    const keep = taken % COMPLETED_SHOWN_OF === 1 ? COMPLETED_KEPT : 0
    const attempt = run(deps, job, keep).finally(() => running.delete(attempt))
    running.add(attempt)
    return attempt
  }

  return {
    run() {
      worker.run().catch(deps.onError)
    },
    async close(deadlineMs) {
      // Not by `close()`: it hangs while the store is away, and after it `close(true)` does nothing.
      const ended = Promise.allSettled(running).then(() => sleep(COMPLETION_MS))
      await Promise.race([worker.pause().catch(deps.onError), ended, sleep(deadlineMs)])
      await Promise.race([worker.close(true).catch(deps.onError), sleep(COMPLETION_MS)])
      end()
    },
  }
}

async function run(
  deps: { attempt: (job: AttemptJob) => Promise<boolean> },
  job: Job<AttemptJob>,
  keep: number,
): Promise<void> {
  let made = false
  try {
    made = await deps.attempt(job.data)
    if (made && keep > 0) job.opts.removeOnComplete = { count: keep }
  } catch (error) {
    made = error instanceof AttemptFailed
    job.opts.stackTraceLimit = 0
    throw error
  } finally {
    // BullMQ ignores the id of a job that it has kept, and this number will be fed again.
    if (!made) Object.assign(job.opts, { removeOnComplete: true, removeOnFail: true })
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
