import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { createAcceptance } from '../src/events/accept-events.ts'
import { prepareEvent } from '../src/events/prepare-event.ts'
import { publicId, uuidv7 } from '../src/ids.ts'
import { type Program, runProgram, startProgram } from '../test/support/program.ts'
import { type ReceiverProcess, startReceiverProcess } from './support/receiver-process.ts'
import { openStores, type Stores } from './support/stores.ts'
import { conditions, median, spread, table } from './support/table.ts'
import { BENCH_SECRET, insertWebhooks } from './support/webhooks.ts'

/*
 * How many deliveries a second: this engine against what a team writes by hand, BullMQ with nothing to do, and undici alone.
 * Everything waits before a worker starts. The clock starts when it has warmed up, and runs until the last result is stored.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    deliveries: { type: 'string', default: '40000' },
    'warm-up': { type: 'string', default: '10000' },
    concurrency: { type: 'string', default: '300' },
    only: { type: 'string' },
  },
})
const ROUNDS = Number(values.rounds)
const DELIVERIES = Number(values.deliveries)
const WARM_UP = Number(values['warm-up'])
const WEBHOOKS = 50
if (!(WARM_UP < DELIVERIES)) throw new Error('--warm-up must be less than --deliveries')

const stores = await openStores()
const receiver = await startReceiverProcess()
const key = randomBytes(32)
const env: NodeJS.ProcessEnv = {
  ...process.env,
  DATABASE_URL: stores.databaseUrl,
  REDIS_URL: stores.redis.url,
  JWT_SECRET: randomBytes(32).toString('hex'),
  SECRETS_KEY: `k1:${key.toString('base64')}`,
  WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
  LOG_LEVEL: 'warn',
  DELIVERY_CONCURRENCY: values.concurrency,
  CONCURRENCY: values.concurrency,
}

const contenders: [name: string, run: () => Promise<number>][] = [
  ['this engine, 1 worker', () => runEngine(stores, receiver, 1)],
  ['this engine, 2 workers', () => runEngine(stores, receiver, 2)],
  ['by hand, 1 worker', () => runByHand(stores, receiver, 1)],
  ['by hand, 2 workers', () => runByHand(stores, receiver, 2)],
  ['BullMQ alone, 1 worker', () => runEmpty(stores, 1)],
  ['BullMQ alone, 2 workers', () => runEmpty(stores, 2)],
  ['undici alone', () => runUndici(receiver)],
]
const chosen = contenders.filter(([name]) => values.only === undefined || name.includes(values.only))

try {
  await insertWebhooks(stores.db, key, WEBHOOKS, { url: `${receiver.url}/hook`, events: ['*'] })
  await stores.db.query({
    text: `CREATE TABLE by_hand_attempts (delivery_id text, attempt int, status boolean, response_code int,
             response_body text, duration_ms int, at timestamptz DEFAULT now())`,
  })
  const rates = new Map<string, number[]>(chosen.map(([name]) => [name, []]))
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, run] of chosen) {
      const rate = await run()
      rates.get(name)?.push(rate)
      process.stderr.write(`round ${round}/${ROUNDS}: ${name} ${Math.round(rate)}/s\n`)
    }
  }
  report(rates)
} finally {
  await receiver.stop()
  await stores.close()
}

function report(rates: ReadonlyMap<string, readonly number[]>): void {
  const best = (name: string) =>
    Math.max(...[...rates].filter(([key]) => key.startsWith(name)).map(([, given]) => median(given)))
  const [engine, byHand, ceiling] = [best('this engine'), best('by hand'), best('BullMQ alone')]
  const rows = [...rates].map(([name, given]) => {
    const middle = median(given)
    return [
      name,
      middle,
      spread(given),
      `${(middle / byHand).toFixed(2)} ×`,
      `${Math.round((middle / ceiling) * 100)} %`,
    ]
  })
  process.stdout.write(`## Deliveries a second\n\n`)
  process.stdout.write(
    `${conditions('PostgreSQL with fsync', 'Redis without persistence', `${DELIVERIES} deliveries, the first ${WARM_UP} to warm up`)}\n`,
  )
  process.stdout.write(`medians of ${ROUNDS} rounds, concurrency ${values.concurrency}, ${WEBHOOKS} webhooks\n\n`)
  process.stdout.write(`${table(['', 'a second', 'from – to', 'by hand = 1', 'of BullMQ alone'], rows)}\n\n`)
  process.stdout.write(
    `The better of one and two workers: ${(engine / byHand).toFixed(2)} × by hand, ${Math.round((engine / ceiling) * 100)} % of BullMQ alone.\n`,
  )
}

function newEvent(index: number) {
  const data = { symbol: 'AAPL', predicted_price: 180 + (index % 10), current_price: 180, confidence: 0.7 }
  return prepareEvent({ event_type: 'prediction_complete', data }, 'bench', new Date())
}

async function runEngine({ db }: Stores, at: ReceiverProcess, workers: number): Promise<number> {
  const accept = createAcceptance({ db })
  for (let sent = 0; sent < DELIVERIES / WEBHOOKS; sent += 20) {
    const events = Array.from({ length: 20 }, (_, index) => newEvent(sent + index).stored)
    await accept({ events, answer: { status: 202, body: '' } })
  }
  await at.reset()
  const programs = startWorkers(workers, ['dist/workers/main.js'])
  const recorded = async () => {
    const [row] = await db.query<{ open: number }>({
      text: 'SELECT count(*) AS open FROM (SELECT 1 FROM due LIMIT 1) rest',
    })
    return row?.open === 0
  }
  return finish(at, programs, recorded)
}

async function runByHand({ db, redis }: Stores, at: ReceiverProcess, workers: number): Promise<number> {
  await db.query({ text: 'TRUNCATE by_hand_attempts' })
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  const queue = new Queue('by-hand', { connection })
  const payload = { ...newEvent(0).answer, data: JSON.parse(newEvent(0).stored.canonical).data }
  for (let sent = 0; sent < DELIVERIES; sent += 500) {
    await queue.addBulk(
      Array.from({ length: 500 }, () => {
        const data = { delivery_id: publicId('dlv', uuidv7()), url: `${at.url}/hook`, secret: BENCH_SECRET, payload }
        return { name: 'deliver', data, opts: { attempts: 10, backoff: { type: 'exponential', delay: 5_000 } } }
      }),
    )
  }
  await at.reset()
  const programs = startWorkers(workers, ['--import', 'tsx', 'bench/peers/hand-written-worker.ts'])
  const recorded = async () => {
    const [row] = await db.query<{ done: number }>({ text: 'SELECT count(*) AS done FROM by_hand_attempts' })
    return row?.done === DELIVERIES
  }
  const rate = await finish(at, programs, recorded)
  await queue.obliterate({ force: true })
  await queue.close()
  connection.disconnect()
  return rate
}

async function runEmpty({ redis }: Stores, workers: number): Promise<number> {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  const queue = new Queue('empty', { connection })
  // Twice as many, since they are over so soon.
  const jobs = DELIVERIES * 2
  await queue.pause()
  for (let sent = 0; sent < jobs; sent += 500) {
    await queue.addBulk(
      Array.from({ length: 500 }, () => ({ name: 'nothing', data: { delivery_id: uuidv7(), attempt: 1 } })),
    )
  }
  const programs = startWorkers(workers, ['--import', 'tsx', 'bench/peers/empty-processor.ts'])
  await Promise.all(programs.map((program) => program.waitFor(/ready/)))
  await queue.resume()
  const left = () => queue.getJobCountByTypes('waiting', 'active')
  let atStart = await left()
  for (; atStart > jobs - WARM_UP; atStart = await left()) await setTimeout(10)
  const startedAt = performance.now()
  while ((await left()) > 0) await setTimeout(10)
  const rate = (atStart / (performance.now() - startedAt)) * 1000
  await Promise.all(programs.map((program) => program.stop()))
  await queue.obliterate({ force: true })
  await queue.close()
  connection.disconnect()
  return rate
}

async function runUndici(at: ReceiverProcess): Promise<number> {
  const settings = { ...env, RECEIVER: at.url, REQUESTS: String(DELIVERIES * 2), BODY: newEvent(0).stored.canonical }
  const printed = await runProgram(process.execPath, ['--import', 'tsx', 'bench/peers/undici-alone.ts'], {
    env: settings,
  })
  return Number(printed)
}

function startWorkers(count: number, args: readonly string[]): Program[] {
  return Array.from({ length: count }, () => startProgram(process.execPath, args, { env }))
}

async function finish(at: ReceiverProcess, programs: Program[], recorded: () => Promise<boolean>): Promise<number> {
  const sentAtStart = await untilSent(at, programs, WARM_UP)
  const startedAt = performance.now()
  await untilSent(at, programs, DELIVERIES)
  while (!(await recorded())) await setTimeout(10)
  const rate = ((DELIVERIES - sentAtStart) / (performance.now() - startedAt)) * 1000
  await Promise.all(programs.map((program) => program.stop()))
  return rate
}

async function untilSent(at: ReceiverProcess, programs: readonly Program[], enough: number): Promise<number> {
  for (;;) {
    const { requests } = await at.count()
    if (requests >= enough) return requests
    const dead = programs.find((program) => !program.running())
    if (dead) throw new Error(`A worker ended:\n${dead.output()}`)
    await setTimeout(50)
  }
}
