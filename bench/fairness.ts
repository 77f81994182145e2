import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { wakeByNotify } from '../src/deliveries/wake.ts'
import { prepareEvent } from '../src/events/prepare-event.ts'
import { uuidv7 } from '../src/ids.ts'
import { startProgram } from '../test/support/program.ts'
import { openStores } from './support/stores.ts'
import { conditions, median, table } from './support/table.ts'
import { insertWebhooks } from './support/webhooks.ts'

/*
 * What one bad receiver, or all of them, does to the others. `hang`: 1,000 webhooks, steady traffic to 999 of them, with and
 * without 10,000 events waiting for one that hangs 30 s. `outage`: all receivers cut every connection for a while and come back.
 */
const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'hang' },
    pairs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '12' },
    rate: { type: 'string', default: '100' },
  },
})
const PAIRS = Number(values.pairs)
const SECONDS = Number(values.seconds)
const RATE = Number(values.rate)
const WEBHOOKS = 1_000
const WAITING = 10_000
const WARM_UP_SECONDS = 4
const TICK_MS = 20

interface Seen {
  latencies: number[]
  perSecond: Record<string, number>
  firstUp: Record<string, number>
  refused: number
  most: number
}

const stores = await openStores()
const { db } = stores
const receiver = startProgram(process.execPath, ['--import', 'tsx', 'bench/support/fairness-receiver.ts'])
const key = randomBytes(32)
const wake = wakeByNotify({ db, onError: () => undefined })

try {
  await receiver.waitFor(/^\d+\n/)
  const url = `http://127.0.0.1:${receiver.output().trim()}`
  const { scenario } = values
  process.stdout.write(scenario === 'outage' ? await outage(url) : await hang(url))
} finally {
  await receiver.kill('SIGKILL')
  await stores.close()
}

async function hang(url: string): Promise<string> {
  const webhooks = await insertWebhooks(db, key, WEBHOOKS - 1, { url: `${url}/hook/of`, events: ['*'] })
  const [hanging = ''] = await insertWebhooks(db, key, 1, { url: `${url}/hang/of`, events: ['*'] })
  const runs: { with: Measured[]; without: Measured[] } = { with: [], without: [] }
  for (let pair = 1; pair <= PAIRS; pair += 1) {
    const order = pair % 2 === 1 ? (['without', 'with'] as const) : (['with', 'without'] as const)
    for (const kind of order) {
      const measured = await measure(url, webhooks, kind === 'with' ? hanging : null)
      runs[kind].push(measured)
      process.stderr.write(`pair ${pair}/${PAIRS} ${kind}: p50 ${measured.p50} ms, p99 ${measured.p99} ms\n`)
    }
  }
  const rows = runs.with.map((disturbed, place) => {
    const alone = runs.without[place] ?? disturbed
    return [
      String(place + 1),
      `${alone.p50} / ${alone.p99}`,
      `${disturbed.p50} / ${disturbed.p99}`,
      `${(disturbed.p99 / alone.p99).toFixed(2)} ×`,
    ]
  })
  const alone = runs.without.map(({ p99 }) => p99)
  const ratio = median(runs.with.map((disturbed, place) => disturbed.p99 / (runs.without[place]?.p99 ?? 1)))
  return [
    `${conditions('PostgreSQL with fsync', 'Redis without persistence', '1 worker')}`,
    `${RATE} events/s for ${SECONDS} s over ${WEBHOOKS - 1} webhooks; published → received, ms; one more webhook hangs 30 s with ${WAITING} events waiting`,
    '',
    table(['pair', 'without it: p50 / p99', 'with it: p50 / p99', 'p99'], rows),
    '',
    `Median of the pairs ${ratio.toFixed(2)} ×; undisturbed the p99 spreads from ${Math.min(...alone)} to ${Math.max(...alone)} ms (${(Math.max(...alone) / Math.min(...alone)).toFixed(2)} ×).`,
    '',
  ].join('\n')
}

interface Measured {
  p50: number
  p99: number
}

async function measure(url: string, webhooks: readonly string[], hanging: string | null): Promise<Measured> {
  const worker = await startWorker()
  await publishSteadily(webhooks, WARM_UP_SECONDS)
  if (hanging !== null) await publishMany(hanging, WAITING)
  else await setTimeout(1_000)
  await post(url, 'reset')
  const published = await publishSteadily(webhooks, SECONDS)
  let { latencies } = await seen(url)
  for (let waited = 0; latencies.length < published; waited += 1) {
    if (waited === 60)
      throw new Error(`Only ${latencies.length} of ${published} came:\n${worker.output().slice(-5_000)}`)
    await setTimeout(1_000)
    latencies = (await seen(url)).latencies
  }
  await worker.kill('SIGKILL')
  await db.query({ text: 'TRUNCATE due, deliveries, attempts, events, webhook_health' })
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}

async function outage(url: string): Promise<string> {
  const count = 200
  const each = 100
  const downSeconds = 30
  const webhooks = await insertWebhooks(db, key, count, { url: `${url}/hook/of`, events: ['*'] })
  const worker = await startWorker()
  await post(url, 'down')
  for (const webhook of webhooks) await publishMany(webhook, each)
  await setTimeout(downSeconds * 1000)
  const { refused } = await seen(url)
  await post(url, 'reset')
  await post(url, 'up')
  const upAt = Date.now()
  const open = async () => (await db.query({ text: 'SELECT 1 FROM due LIMIT 1' })).length > 0
  while (await open()) await setTimeout(200)
  const drained = (Date.now() - upAt) / 1000
  const { perSecond, firstUp, most, latencies } = await seen(url)
  await worker.kill('SIGKILL')
  const first = Object.values(firstUp).map((at) => (at - upAt) / 1000)
  const rows = [
    ['deliveries owed when they were down', count * each],
    ['attempts that were refused meanwhile', refused],
    ['requests after they were back', latencies.length],
    ['most requests under way at one webhook (cap 20)', most],
    ['most requests in one second', Math.max(...Object.values(perSecond))],
    ['first request of a webhook, s after', `${Math.min(...first).toFixed(1)} – ${Math.max(...first).toFixed(1)}`],
    ['all delivered, s after', drained.toFixed(1)],
  ]
  return [
    conditions('PostgreSQL with fsync', 'Redis without persistence', '1 worker', 'all settings at their defaults'),
    `${count} webhooks whose receivers cut every connection for ${downSeconds} s and then answer`,
    '',
    table(['', ''], rows),
    '',
  ].join('\n')
}

async function startWorker() {
  const worker = startProgram(process.execPath, ['dist/workers/main.js'], {
    env: {
      ...process.env,
      DATABASE_URL: stores.databaseUrl,
      REDIS_URL: stores.redis.url,
      JWT_SECRET: randomBytes(32).toString('hex'),
      SECRETS_KEY: `k1:${key.toString('base64')}`,
      WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
      DELIVERY_TIMEOUT_MS: '30000',
      LOG_LEVEL: 'info',
    },
  })
  await worker.waitFor(/worker\.started/)
  return worker
}

/** A few events each tick, each for any one webhook. @returns how many */
async function publishSteadily(webhooks: readonly string[], seconds: number): Promise<number> {
  const perTick = (RATE * TICK_MS) / 1000
  const startedAt = performance.now()
  const storing: Promise<void>[] = []
  for (let tick = 0; tick < (seconds * 1000) / TICK_MS; tick += 1) {
    const chosen = Array.from({ length: perTick }, () => webhooks[Math.floor(Math.random() * webhooks.length)] ?? '')
    storing.push(publishTo(chosen))
    await setTimeout(Math.max(0, startedAt + (tick + 1) * TICK_MS - performance.now()))
  }
  await Promise.all(storing)
  return storing.length * perTick
}

async function publishMany(webhook: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 500)
    await publishTo(Array.from({ length: Math.min(500, count - sent) }, () => webhook))
}

/**
 * One event for each of the webhooks, as an acceptance stores them, but for the search of who subscribes: among a thousand
 * webhooks that all take the same type it costs more than all that this measures.
 */
async function publishTo(webhooks: readonly string[]): Promise<void> {
  const events = webhooks.map(() => newEvent())
  await db.query({
    name: 'bench-publish',
    text: `WITH owed AS (
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[])
               AS given(webhook_id, event_id, id, canonical, "timestamp")
           ), event AS (
             INSERT INTO events (id, event_type, symbol, canonical, "timestamp", published_by)
             SELECT event_id, 'prediction_complete', 'AAPL', canonical, "timestamp", 'bench' FROM owed
           ), delivery AS (
             INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, max_attempts)
             SELECT id, webhook_id, event_id, 'prediction_complete', 'bench', 10 FROM owed
           )
           INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts) SELECT id, webhook_id, event_id, 10 FROM owed`,
    values: [
      webhooks,
      events.map(({ id }) => id),
      events.map(() => uuidv7()),
      events.map(({ canonical }) => canonical),
      events.map(({ timestamp }) => timestamp),
    ],
  })
  wake.wake()
}

function newEvent() {
  const data = { symbol: 'AAPL', predicted_price: 181, current_price: 180, confidence: 0.7 }
  return prepareEvent({ event_type: 'prediction_complete', data }, 'bench', new Date()).stored
}

async function post(url: string, what: string): Promise<void> {
  await fetch(`${url}/${what}`, { method: 'POST' })
}

async function seen(url: string): Promise<Seen> {
  return (await fetch(`${url}/seen`)).json() as Promise<Seen>
}
