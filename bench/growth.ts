import { writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { createClaim } from '../src/deliveries/claim.ts'
import { listDeliveries } from '../src/deliveries/delivery-log.ts'
import { takeDue } from '../src/deliveries/feed.ts'
import { createRecord } from '../src/deliveries/record.ts'
import { openDeliveryQueue } from '../src/queues/delivery-queue.ts'
import { startFeeder } from '../workers/feeder.ts'
import { fillLog } from './support/fill-log.ts'
import { explained, type Recorder, recordStatements } from './support/plans.ts'
import { openStores, type Stores } from './support/stores.ts'
import { conditions, median, percentile, table } from './support/table.ts'

/*
 * What the log's size costs: the same statements with ten thousand, a million and ten million deliveries stored over four
 * weeks, a tenth of them open. Also what a full backlog costs Redis, and the plans of the largest size.
 */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000000,10000000' },
    repeats: { type: 'string', default: '200' },
    plans: { type: 'string' },
  },
})
const SIZES = values.sizes.split(',').map(Number)
const REPEATS = Number(values.repeats)
const WEBHOOKS = 1_000
const AT_ONCE = 100
const LIMITS = { perWebhook: 20, perUser: 0, probeEveryMs: 30_000, room: { quick: AT_ONCE, slow: AT_ONCE } }

const rows: (string | number)[][] = []
let plans = ''
let redisMemory = ''
for (const size of SIZES) {
  const stores = await openStores()
  try {
    process.stderr.write(`filling ${size.toLocaleString('en')} deliveries…\n`)
    const filled = await fillLog(stores, { deliveries: size, webhooks: WEBHOOKS })
    const recorder = recordStatements(stores.db)
    rows.push([size.toLocaleString('en'), ...(await measure(recorder, filled.webhookIds))])
    process.stderr.write(`${rows.at(-1)?.join(' | ')}\n`)
    if (size === SIZES.at(-1)) {
      plans = await explained(stores.db, recorder.statements())
      redisMemory = await measureRedis(stores, filled.open)
    }
  } finally {
    await stores.close()
  }
}
report()
if (values.plans !== undefined) await writeFile(values.plans, plans)

async function measure(db: Recorder, webhookIds: readonly string[]): Promise<string[]> {
  const anyWebhook = () => webhookIds[Math.floor(Math.random() * webhookIds.length)] ?? ''
  const listed = await timesOf(() => listDeliveries(db, anyWebhook(), { limit: 20 }))
  const failed = await timesOf(() => listDeliveries(db, anyWebhook(), { limit: 20, status: 'failed' }))
  const fed: number[] = []
  const claimed: number[] = []
  const recorded: number[] = []
  const claim = createClaim({ db, worker: 'bench' })
  const record = createRecord({ db, worker: 'bench' })
  for (let round = 0; round < REPEATS / 4; round += 1) {
    const taken = (await timed(fed, () => takeDue(db, LIMITS))) ?? []
    // The small log has few open ones: what is measured is full rounds.
    if (taken.length < AT_ONCE) {
      fed.pop()
      break
    }
    const attempts = await timed(claimed, () => Promise.all(taken.map((one) => claim(one))))
    const results = attempts.flatMap((attempt) => (attempt === null ? [] : [successOf(attempt)]))
    await timed(recorded, () => Promise.all(results.map((result) => record(result))))
  }
  return [listed, failed, fed, claimed, recorded].map(summary)
}

function successOf({ deliveryId, attempt }: { deliveryId: string; attempt: number }) {
  return {
    deliveryId,
    attempt,
    status: 'success' as const,
    retryInMs: null,
    requestHeaders: '{}',
    responseCode: 200,
    responseHeaders: Buffer.from('{}'),
    responseBody: Buffer.from('ok'),
    error: null,
    errorMessage: null,
    durationMs: 3,
  }
}

async function timesOf(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < REPEATS; round += 1) await timed(times, work)
  return times
}

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  const result = await work()
  times.push(performance.now() - startedAt)
  return result
}

function summary(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b)
  return `${median(sorted).toFixed(1)} / ${percentile(sorted, 0.95).toFixed(1)} ms`
}

/** What a full backlog costs Redis: a feeder with nobody at work fills the queue until it takes no more. */
async function measureRedis({ db, redis }: Stores, open: number): Promise<string> {
  const client = new Redis(redis.url)
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]) / 2 ** 20
  const onError = (error: unknown) => process.stderr.write(`${String(error)}\n`)
  const store = { kind: 'redis', connect: () => new Redis(redis.url, { maxRetriesPerRequest: null }) } as const
  const queues = {
    quick: await openDeliveryQueue({ store, lane: 'quick', onError }),
    slow: await openDeliveryQueue({ store, lane: 'slow', onError }),
    alone: await openDeliveryQueue({ store, lane: 'alone', onError }),
  }
  const before = await used()
  const metrics = { fed: () => undefined, refed: () => undefined, waiting: () => undefined }
  const feeder = startFeeder({ db, queues, limits: LIMITS, anySlow: () => false, metrics, onError })
  let waiting = -1
  for (let now = 0; now > waiting; now = await queues.quick.waiting()) {
    waiting = now
    await setTimeout(2_000)
  }
  const after = await used()
  await feeder.stop()
  await Promise.all(Object.values(queues).map((queue) => queue.close()))
  client.disconnect()
  const counts = `${open.toLocaleString('en')} deliveries open, ${waiting.toLocaleString('en')} of them as jobs in Redis`
  return `${counts}: ${after.toFixed(1)} MB used by Redis, ${before.toFixed(1)} MB before`
}

function report(): void {
  const head = ['deliveries stored', 'list', 'list of failures', 'feed', `claim of ${AT_ONCE}`, `record of ${AT_ONCE}`]
  process.stdout.write('## The size of the log\n\n')
  process.stdout.write(
    `${conditions('PostgreSQL with fsync', `${WEBHOOKS} webhooks`, 'a tenth of the deliveries open')}\n`,
  )
  process.stdout.write(`median / 95th percentile of a call\n\n${table(head, rows)}\n\n${redisMemory}\n`)
}
