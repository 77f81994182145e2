import assert from 'node:assert/strict'
import { createDatabase, type TestDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { type Received, type Response, startTestReceiver, type TestReceiver } from './receiver.ts'
import { BACKENDS, type QueueBackend, startSystem, type WorkingSystem } from './work-system.ts'

/** What a suite of the worker stands on: a database, a queue, and all that its tests opened. */
export interface Bench {
  database(): TestDatabase
  backend(): QueueBackend
  start(settings?: Record<string, string>): Promise<WorkingSystem>
  newReceiver(respond?: (request: Received, count: number) => Response): Promise<TestReceiver>
  /** Resolves when no delivery is open. */
  settled(timeoutMs?: number): Promise<void>
  /** The number of deliveries by status. */
  outcomes(): Promise<Record<string, number>>
}

/** The same suite for both stores of jobs; each test begins with nothing stored. */
export function describeForEachQueue(subject: string, suite: (bench: Bench) => void, names = Object.keys(BACKENDS)) {
  for (const name of names) describe(`${subject}, its queue in ${name}`, () => suite(openBench(name)))
}

function openBench(name: string): Bench {
  let database: TestDatabase
  let backend: QueueBackend
  const closers: (() => unknown)[] = []

  before(async () => {
    database = await createDatabase()
    backend = await (BACKENDS[name] ?? assert.fail(name))(database)
  })
  after(async () => {
    await backend.stop()
    await database.drop()
  })
  beforeEach(async () => {
    await backend.empty()
    await database.db.query({
      text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events, announcements',
    })
  })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  return {
    database: () => database,
    backend: () => backend,
    async start(settings = {}) {
      const system = await startSystem(database, backend, settings)
      closers.push(() => system.stop())
      return system
    },
    async newReceiver(respond) {
      const receiver = await startTestReceiver(respond ? { respond } : {})
      closers.push(() => receiver.close())
      return receiver
    },
    async settled(timeoutMs = 30_000) {
      const nothingIsDue = async () => (await database.db.query({ text: 'SELECT 1 FROM due' })).length === 0
      await eventually(nothingIsDue, { timeoutMs })
    },
    async outcomes() {
      const rows = await database.db.query<{ status: string; count: number }>({
        text: 'SELECT status, count(*) FROM deliveries GROUP BY status',
      })
      return Object.fromEntries(rows.map((row) => [row.status, row.count]))
    },
  }
}

/** The delivery of each request that came, as the receiver read it. */
export function deliveryIds(receiver: TestReceiver): string[] {
  return receiver.received.map((request) => String(request.headers['idempotency-key']))
}

export function assertNoDuplicates(receiver: TestReceiver): void {
  assert.equal(new Set(deliveryIds(receiver)).size, receiver.received.length)
}
