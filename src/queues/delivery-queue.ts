import { Queue } from 'bullmq'
import { connectStore, PREFIX, type QueueStore } from './store.ts'

/**
 * The queue, and beside it the one of slow webhooks. A job is one attempt and carries ids only; PostgreSQL is the only timer, so
 * no job is ever delayed.
 */
export const QUEUES = { quick: 'deliveries', slow: 'deliveries-slow', alone: 'deliveries-alone' } as const

export interface AttemptJob {
  delivery_id: string
  attempt: number
  webhook_id: string
}

export interface DeliveryQueue {
  /** For Bull Board. Replaced when a dead one is rebuilt. */
  current(): Queue<AttemptJob>
  /** Rejects when the store did not take the jobs in time; some may be in it all the same. */
  add(jobs: readonly AttemptJob[]): Promise<void>
  waiting(): Promise<number>
  /** Whether a person has paused it. */
  paused(): Promise<boolean>
  close(): Promise<void>
}

/** BullMQ's `add` can pend for ever while its store is away. */
const DEADLINE_MS = 3_000
/** A queue built or broken while its store was down may never recover: after so many failures in a row it is built anew. */
const FAILURES_BEFORE_REBUILD = 3
const CLOSE_MS = 2_000

export interface QueueDeps {
  store: QueueStore
  lane: keyof typeof QUEUES
  onError: (error: unknown) => void
}

/** The store must be reachable and migrated when this is called. */
export async function openDeliveryQueue(deps: QueueDeps): Promise<DeliveryQueue> {
  let opened = open(deps)
  let failures = 0
  await within(DEADLINE_MS, opened.queue.waitUntilReady())

  async function guarded<T>(work: (queue: Queue<AttemptJob>) => Promise<T>): Promise<T> {
    try {
      const result = await within(DEADLINE_MS, work(opened.queue))
      failures = 0
      return result
    } catch (error) {
      failures += 1
      if (failures >= FAILURES_BEFORE_REBUILD) {
        failures = 0
        const dead = opened
        opened = open(deps)
        void shut(dead)
      }
      throw error
    }
  }

  return {
    current: () => opened.queue,
    add: (jobs) =>
      guarded((queue) =>
        queue.addBulk(
          jobs.map((data) => ({ name: 'attempt', data, opts: { jobId: `${data.delivery_id}~${data.attempt}` } })),
        ),
      ).then(() => undefined),
    waiting: () => guarded((queue) => queue.getWaitingCount()),
    paused: () => guarded((queue) => queue.isPaused()),
    close: () => shut(opened),
  }
}

interface Opened {
  queue: Queue<AttemptJob>
  end: () => void
}

function open(deps: QueueDeps): Opened {
  const { connection, backend, end } = connectStore(deps.store, 'queue')
  const options = { connection, prefix: PREFIX }
  const queue = new Queue<AttemptJob>(QUEUES[deps.lane], options, backend)
  queue.on('error', deps.onError)
  return { queue, end }
}

async function shut(opened: Opened): Promise<void> {
  await within(
    CLOSE_MS,
    opened.queue.waitUntilReady().then(() => opened.queue.close()),
  ).catch(() => undefined)
  opened.end()
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The queue's store did not answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
