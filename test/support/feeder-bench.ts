import type { Database } from '../../src/db/database.ts'
import type { Fed } from '../../src/deliveries/feed.ts'
import { createHealthFindings, type HealthCounts, type HealthFindings } from '../../src/deliveries/health-findings.ts'
import { listHealth } from '../../src/deliveries/health-store.ts'
import type { Finding } from '../../src/deliveries/webhook-health.ts'
import { insertEvents } from '../../src/events/insert-events.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { takeNow } from './feed.ts'
import { makeWebhook, newEvent } from './rows.ts'

const RULES = {
  breaker: { failures: 10, windowMs: 60_000, probeEveryMs: 30_000, cap: 8 },
  lane: { slowMs: 2_000, sample: 20 },
}

/** What a suite of the feeder's fairness stands on: a database, what workers find out about webhooks, and a feeder. */
export interface FeederBench {
  db(): Database
  /** What one worker keeps of what it finds. */
  newWorker(): HealthFindings
  /** What a worker last told of all webhooks. */
  counts(): HealthCounts | undefined
  /** The clock of the workers goes on. */
  pass(ms: number): void
  /** A webhook of its own symbol with so many deliveries due. */
  owed(count: number, fields?: Parameters<typeof makeWebhook>[1]): Promise<string>
  found(webhookId: string, count: number, finding: Omit<Finding, 'at'>): Promise<void>
  take(limits?: Partial<Parameters<typeof takeNow>[1]>): Promise<Fed[]>
  breakerOf(webhookId: string): Promise<string>
  endAll(fed: readonly Fed[]): Promise<unknown>
}

/** Each test begins with nothing stored. */
export function openFeederBench(): FeederBench {
  let database: TestDatabase
  let now = 0
  let counts: HealthCounts | undefined

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({
      text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events, webhook_health, attempt_allowances',
    })
  })

  const newWorker = () =>
    createHealthFindings({
      db: database.db,
      rules: RULES,
      random: () => 0,
      now: () => now,
      onCounts: (given) => {
        counts = given
      },
    })
  return {
    db: () => database.db,
    newWorker,
    counts: () => counts,
    pass(ms) {
      now += ms
    },
    async owed(count, fields = {}) {
      const symbol = `S${Math.random().toString(36).slice(2, 10).toUpperCase()}`
      const id = await makeWebhook(database.db, { symbols: [symbol], ...fields })
      await insertEvents(
        database.db,
        Array.from({ length: count }, () => newEvent({ symbol })),
      )
      return id
    },
    async found(webhookId, count, finding) {
      const worker = newWorker()
      await worker.read()
      for (let times = 0; times < count; times += 1) worker.note(webhookId, finding)
      await worker.store()
    },
    take: (limits = {}) => takeNow(database.db, { perWebhook: RULES.breaker.cap, most: 100, ...limits }),
    async breakerOf(id) {
      return (await listHealth(database.db)).find(({ webhook_id }) => webhook_id === id)?.breaker ?? 'closed'
    },
    endAll: (fed) =>
      database.db.query({
        text: 'DELETE FROM due WHERE delivery_id = ANY ($1)',
        values: [fed.map(({ deliveryId }) => deliveryId)],
      }),
  }
}
