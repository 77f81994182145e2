import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeToken } from '../src/identity/make-token.ts'
import { freePort } from '../test/support/ports.ts'
import { startProgram } from '../test/support/program.ts'
import { openStores } from './support/stores.ts'
import { conditions, median, spread, table } from './support/table.ts'
import { insertWebhooks } from './support/webhooks.ts'
import { post } from './support/wrk.ts'

/*
 * How many events a second are accepted (token, validation, canonical text, idempotency, committed with their deliveries),
 * against the same route that only parses and answers. No worker runs: what is owed is stored and stays.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '5' } },
})
const ROUNDS = Number(values.rounds)
const seconds = Number(values.seconds)
const BATCH = 100

const stores = await openStores()
const secret = randomBytes(32).toString('hex')
const key = randomBytes(32)
const port = await freePort()
/** Of the webhooks; nothing is sent. */
const url = 'https://receiver.example.com/hook'
const web = startProgram(process.execPath, ['dist/src/web.js'], {
  env: {
    ...process.env,
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redis.url,
    JWT_SECRET: secret,
    SECRETS_KEY: `k1:${key.toString('base64')}`,
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: 'warn',
  },
})
const bare = startProgram(process.execPath, ['--import', 'tsx', 'bench/peers/bare-route.ts'])
const token = makeToken({ secret }, { sub: 'bench', role: 'producer', tier: 'free' }, 3600)

try {
  await bare.waitFor(/port \d+\n/)
  const bareUrl = `http://127.0.0.1:${/port (\d+)/.exec(bare.output())?.[1]}/api/v1/events`
  await untilReady()
  await insertWebhooks(stores.db, key, 1, { url, events: ['model_trained'] })
  await insertWebhooks(stores.db, key, 10, { url, events: ['model_deployed'] })
  const one = eventOf('model_trained', { model_id: 'm-1', model_type: 'lstm', accuracy: 0.91 })
  const ten = eventOf('model_deployed', { model_id: 'm-1', environment: 'production', status: 'ok' })
  const contenders: [name: string, eventsARequest: number, run: () => ReturnType<typeof post>][] = [
    ['the bare route', 1, () => post(bareUrl, { token, body: one, keyed: true, seconds })],
    ['one matching webhook', 1, () => post(events(), { token, body: one, keyed: true, seconds })],
    ['ten matching webhooks', 1, () => post(events(), { token, body: ten, keyed: true, seconds })],
    [
      `batches of ${BATCH}`,
      BATCH,
      () => post(`${events()}/batch`, { token, body: batchOf(one), keyed: false, seconds }),
    ],
  ]
  const rates = new Map<string, number[]>(contenders.map(([name]) => [name, []]))
  const p99 = new Map<string, number[]>(contenders.map(([name]) => [name, []]))
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, eventsARequest, run] of contenders) {
      const load = await run()
      if (load.errors > 0) throw new Error(`${load.errors} requests of "${name}" failed:\n${web.output()}`)
      rates.get(name)?.push(load.requestsPerSecond * eventsARequest)
      p99.get(name)?.push(load.p99Ms)
      process.stderr.write(
        `round ${round}/${ROUNDS}: ${name} ${Math.round(load.requestsPerSecond * eventsARequest)}/s\n`,
      )
      // The last requests are still being stored when the load ends.
      await setTimeout(1_000)
      await stores.db.query({ text: 'TRUNCATE due, idempotency_keys' })
    }
  }
  report(rates, p99)
} finally {
  await Promise.all([web.stop(), bare.kill('SIGKILL')])
  await stores.close()
}

function report(rates: ReadonlyMap<string, readonly number[]>, p99: ReadonlyMap<string, readonly number[]>): void {
  const floor = median(rates.get('the bare route') ?? [])
  const rows = [...rates].map(([name, given]) => [
    name,
    median(given),
    spread(given),
    `${Math.round((median(given) / floor) * 100)} %`,
    `${median(p99.get(name) ?? []).toFixed(1)} ms`,
  ])
  process.stdout.write(`## Events accepted a second\n\n`)
  process.stdout.write(`${conditions('PostgreSQL with fsync', '64 connections', `${seconds} s a round`)}\n`)
  process.stdout.write(`medians of ${ROUNDS} rounds, one web process\n\n`)
  process.stdout.write(
    `${table(['', 'events a second', 'from – to', 'of the bare route', 'p99 of a request'], rows)}\n`,
  )
}

function events(): string {
  return `http://127.0.0.1:${port}/api/v1/events`
}

function eventOf(event_type: string, data: Record<string, unknown>): string {
  return JSON.stringify({ event_type, data })
}

function batchOf(event: string): string {
  return `[${Array.from({ length: BATCH }, () => event).join(',')}]`
}

async function untilReady(): Promise<void> {
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await ready())) {
    if (!web.running()) throw new Error(`The web process ended:\n${web.output()}`)
    await setTimeout(100)
  }
}
