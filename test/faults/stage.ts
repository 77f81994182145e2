import { setTimeout } from 'node:timers/promises'
import type { Database } from '../../src/db/database.ts'
import { count } from '../support/database-ledger.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import type { OwnPostgres } from '../support/own-postgres.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { type Crew, createCrew } from './crew.ts'
import { createFaultLog, type FaultLog } from './fault-log.ts'
import type { ProducerOrder } from './producer.ts'
import { type Production, startProducer, type Told } from './production.ts'
import { type Receivers, startReceivers } from './receivers-process.ts'

/** What a fault is injected into. */
export interface StageOrder {
  webs?: number
  workers?: number
  webhooks?: number
  /** What goes through a link that can be made faulty. */
  through?: ('redis' | 'postgres' | 'receivers')[]
  settings?: Record<string, string>
  /** Redis keeps its data on disk. */
  persistentRedis?: boolean
  /** Nothing lasts longer than a few seconds: enough to see that nothing is lost, too short to tell how soon it goes on. */
  brief?: boolean
}

/** The system under load, and all that can be done to it. */
export interface Stage {
  system: ProcfileSystem
  postgres: OwnPostgres
  redis: TestRedis
  receivers: Receivers
  proxies: { redis: FaultProxy; postgres: FaultProxy; receivers: FaultProxy[] }
  crew: Crew
  log: FaultLog
  /** Webhooks (`wh_…`), in the order of the receivers. */
  webhooks: string[]
  measured: Map<string, number>
  brief: boolean
  /** A number in [0, 1) of the run's seed. */
  random: () => number
  /** Waits between so many seconds, at random. */
  pause(from: number, to: number): Promise<void>
  /** Waits so many seconds, in a brief run at most three. */
  lasting(seconds: number): Promise<void>
  /** Starts a producer; the events a second default to the load of all faults. */
  produce(order?: Partial<ProducerOrder>): Promise<Production>
  /** Resolves when nothing is due any more; rejects when it does not become less. */
  settled(): Promise<void>
  /** What all producers were told until now. */
  told(): Promise<Told>
  close(): Promise<void>
}

const QUICK = 50
const SLOW = 10
/** Attempts of one worker: in the quick lane, those that turned out slow there, and in the slow lane. */
export const CONCURRENCY = QUICK + 2 * SLOW
export const PER_WEBHOOK = 50
const SECRET = 'a-secret-of-the-fault-runs'
/** Events a second: well below what two busy cores take, so that what is left waiting was left by the fault. */
export const RATE = 60
const LOOK_EVERY_MS = 200
/** A breaker holds work back for up to 36 s. */
const NO_LESS_MS = 60_000
const BRIEF_SECONDS = 3

const SETTINGS = {
  DELIVERY_CONCURRENCY: String(QUICK),
  DELIVERY_SLOW_CONCURRENCY: String(SLOW),
  DELIVERY_PER_WEBHOOK: String(PER_WEBHOOK),
  DELIVERY_RETRY_BASE_MS: '500',
  DELIVERY_RETRY_CAP_MS: '2000',
  RATE_LIMIT_ENTERPRISE: '1000000',
}

export async function setStage(postgres: OwnPostgres, order: StageOrder, random: () => number): Promise<Stage> {
  const closers: (() => unknown)[] = []
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  try {
    return { ...(await openStage(postgres, order, random, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openStage(
  postgres: OwnPostgres,
  order: StageOrder,
  random: () => number,
  closers: (() => unknown)[],
): Promise<Omit<Stage, 'close'>> {
  const receivers = await startReceivers(SECRET, order.webhooks ?? 2)
  closers.push(() => receivers.stop())
  const database = await postgres.createDatabase()
  const redis = await startRedis({ persistent: order.persistentRedis ?? false })
  const proxies = {
    redis: await startFaultProxy(redis.port),
    postgres: await startFaultProxy(postgres.port),
    receivers: await Promise.all(receivers.ports.map((port) => startFaultProxy(port))),
  }
  closers.push(() => Promise.all([proxies.redis, proxies.postgres, ...proxies.receivers].map((proxy) => proxy.close())))
  const through = new Set(order.through ?? [])
  const system = await startProcfileSystem({
    webs: order.webs ?? 1,
    workers: order.workers ?? 2,
    database,
    redis,
    settings: {
      ...SETTINGS,
      ...order.settings,
      DATABASE_URL: through.has('postgres') ? withPort(database.url, proxies.postgres.port) : database.url,
      REDIS_URL: through.has('redis') ? withPort(redis.url, proxies.redis.port) : redis.url,
    },
  })
  closers.push(() => system.stop())
  const log = createFaultLog((line) => order.brief || process.stderr.write(`    ${line}\n`))
  const crew = createCrew(system, log)
  closers.push(() => crew.dismiss())
  const productions: Production[] = []
  closers.push(() => Promise.all(productions.map((production) => production.abandon())))
  const ports = through.has('receivers') ? proxies.receivers.map(({ port }) => port) : receivers.ports
  const lasting = (seconds: number) => setTimeout(Math.min(seconds, order.brief ? BRIEF_SECONDS : seconds) * 1000)
  return {
    system,
    postgres,
    redis,
    receivers,
    proxies,
    crew,
    log,
    webhooks: await createWebhooks(system, ports),
    measured: new Map(),
    brief: order.brief ?? false,
    random,
    pause: (from, to) => lasting(from + (to - from) * random()),
    lasting,
    async produce({ name = 'load', ...wanted } = {}) {
      const token = system.token('model', 'producer')
      // One process after another, each numbers its own.
      const own = `${name}-${productions.length + 1}`
      const production = await startProducer({ base: system.base, token, name: own, rate: RATE, ...wanted })
      productions.push(production)
      return production
    },
    settled: () => settled(database.db),
    told: async () => (await Promise.all(productions.map((production) => production.stop()))).reduce(together),
  }
}

async function settled(db: Database): Promise<void> {
  let least = Number.POSITIVE_INFINITY
  let lessAt = Date.now()
  while (least > 0) {
    const left = await openWork(db).catch(() => Number.POSITIVE_INFINITY)
    if (left < least) lessAt = Date.now()
    least = Math.min(least, left)
    if (Date.now() - lessAt > NO_LESS_MS)
      throw new Error(`${least} are open, and not less since ${NO_LESS_MS / 1000} s`)
    await setTimeout(LOOK_EVERY_MS)
  }
}

async function openWork(db: Database): Promise<number> {
  return (await count(db, 'due')) + (await count(db, 'announcements'))
}

function withPort(url: string, port: number): string {
  const changed = new URL(url)
  changed.port = String(port)
  return changed.href
}

async function createWebhooks(system: ProcfileSystem, ports: readonly number[]): Promise<string[]> {
  const user = system.token('alice', 'user')
  const created: string[] = []
  for (const port of ports) {
    const url = `http://127.0.0.1:${port}/hook`
    const webhook = { url, events: ['*'], secret: SECRET, max_attempts: 20 }
    created.push((await system.call<{ id: string }>('POST', '/api/v1/webhooks', user, webhook)).id)
  }
  return created
}

function together(one: Told, other: Told): Told {
  return {
    promised: [...one.promised, ...other.promised],
    refused: [...one.refused, ...other.refused],
    requests: one.requests + other.requests,
    unavailable: one.unavailable + other.unavailable,
    broken: one.broken + other.broken,
    unknown: one.unknown + other.unknown,
  }
}
