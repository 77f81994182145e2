import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { startReceiverProcess } from './support/receiver-process.ts'
import { openStores } from './support/stores.ts'
import { startSystem } from './support/system.ts'
import { conditions, percentile, table } from './support/table.ts'

/*
 * From accepted to delivered at a steady rate: one web process, one worker, one webhook. The first byte is taken when the
 * receiver has the head of the request; "accepted" is the moment at which the producer has its 202.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '200' },
  },
})
const ROUNDS = Number(values.rounds)
const SECONDS = Number(values.seconds)
const RATE = Number(values.rate)
/** Code that runs for the first time is slower than it will ever be. */
const WARM_UP_SECONDS = 3

const stores = await openStores()
const receiver = await startReceiverProcess({ ARRIVALS: '1' })
const system = await startSystem(stores, { workers: 1 })

interface Sent {
  eventId: string
  askedAt: number
  acceptedAt: number
}

try {
  await system.insertWebhooks(1, { url: `${receiver.url}/hook`, events: ['model_trained'] })
  await run(WARM_UP_SECONDS)
  const rows: number[][] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { fromAsked, fromAccepted } = await run(SECONDS)
    const row = [...[0.5, 0.99, 1].map((share) => percentile(fromAccepted, share)), percentile(fromAsked, 0.5)]
    row.push(percentile(fromAsked, 0.99))
    rows.push(row)
    process.stderr.write(`round ${round}/${ROUNDS}: ${row.map((ms) => ms.toFixed(1)).join(' ')} ms\n`)
  }
  report(rows)
} finally {
  await Promise.all([system.stop(), receiver.stop()])
  await stores.close()
}

async function run(seconds: number): Promise<{ fromAsked: number[]; fromAccepted: number[] }> {
  await receiver.reset()
  const sent = await publish(seconds * RATE)
  while ((await receiver.count()).requests < sent.length) await setTimeout(50)
  const arrivals = new Map(await receiver.arrivals())
  const since = (from: (one: Sent) => number) =>
    sent.map((one) => (arrivals.get(one.eventId) ?? Number.NaN) - from(one)).sort((a, b) => a - b)
  return { fromAsked: since((one) => one.askedAt), fromAccepted: since((one) => one.acceptedAt) }
}

/** One event every so often, however long the answers take. */
async function publish(count: number): Promise<Sent[]> {
  const pool = new Pool(system.url, { connections: 32 })
  const startedAt = performance.now()
  const asked: Promise<Sent>[] = []
  for (let index = 0; index < count; index += 1) {
    const dueIn = startedAt + (index * 1000) / RATE - performance.now()
    if (dueIn > 1) await setTimeout(dueIn)
    asked.push(publishOne(pool, index))
  }
  const sent = await Promise.all(asked)
  await pool.close()
  return sent
}

async function publishOne(pool: Pool, index: number): Promise<Sent> {
  const askedAt = now()
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/api/v1/events',
    headers: { authorization: `Bearer ${system.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ event_type: 'model_trained', data: { model_id: `m-${index}`, model_type: 'lstm' } }),
  })
  const answer = (await body.json()) as { event_id: string }
  if (statusCode !== 202) throw new Error(`An event was answered ${statusCode}: ${JSON.stringify(answer)}`)
  return { eventId: answer.event_id, askedAt, acceptedAt: now() }
}

/** The same clock in every process of a machine, finer than a millisecond. */
function now(): number {
  return performance.timeOrigin + performance.now()
}

function report(rows: readonly (readonly number[])[]): void {
  const middle = (column: number) =>
    percentile(
      rows.map((row) => row[column] ?? Number.NaN).sort((a, b) => a - b),
      0.5,
    )
  const cells = [0, 1, 2, 3, 4].map((column) => `${middle(column).toFixed(1)} ms`)
  process.stdout.write('## From accepted to the first byte at the receiver\n\n')
  process.stdout.write(`${conditions('PostgreSQL with fsync', 'Redis without persistence', `${RATE} events/s`)}\n`)
  process.stdout.write(`medians of ${ROUNDS} rounds of ${SECONDS} s, one web process, one worker, one webhook\n\n`)
  const head = ['p50', 'p99', 'longest', 'p50 from the request', 'p99 from the request']
  process.stdout.write(`${table(head, [cells])}\n`)
}
