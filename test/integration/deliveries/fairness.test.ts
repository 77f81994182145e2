import assert from 'node:assert/strict'
import type { Fed } from '../../../src/deliveries/feed.ts'
import { createHealthFindings, type HealthCounts } from '../../../src/deliveries/health-findings.ts'
import { forgetStaleHealth, listHealth } from '../../../src/deliveries/health-store.ts'
import { retryDelivery } from '../../../src/deliveries/retry-delivery.ts'
import type { Finding } from '../../../src/deliveries/webhook-health.ts'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { takeNow } from '../../support/feed.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'

const RULES = {
  breaker: { failures: 10, windowMs: 60_000, probeEveryMs: 30_000, cap: 8 },
  lane: { slowMs: 2_000, sample: 20 },
}

describe('the feeder is fair', () => {
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

  /** What one worker keeps of what it finds. */
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

  /** A webhook of its own symbol with so many deliveries due. */
  async function owed(count: number, fields: Parameters<typeof makeWebhook>[1] = {}): Promise<string> {
    const symbol = `S${Math.random().toString(36).slice(2, 10).toUpperCase()}`
    const id = await makeWebhook(database.db, { symbols: [symbol], ...fields })
    await insertEvents(
      database.db,
      Array.from({ length: count }, () => newEvent({ symbol })),
    )
    return id
  }

  async function found(webhookId: string, count: number, finding: Omit<Finding, 'at'>): Promise<void> {
    const worker = newWorker()
    await worker.read()
    for (let times = 0; times < count; times += 1) worker.note(webhookId, finding)
    await worker.store()
  }

  const take = (limits: Partial<Parameters<typeof takeNow>[1]> = {}) =>
    takeNow(database.db, { perWebhook: RULES.breaker.cap, most: 100, ...limits })
  const breakerOf = async (id: string) =>
    (await listHealth(database.db)).find(({ webhook_id }) => webhook_id === id)?.breaker ?? 'closed'
  const endAll = (fed: readonly Fed[]) =>
    database.db.query({
      text: 'DELETE FROM due WHERE delivery_id = ANY ($1)',
      values: [fed.map(({ deliveryId }) => deliveryId)],
    })
  const probeIsDue = () =>
    database.db.query({
      text: "UPDATE webhook_health SET probe_at = now() - interval '1 ms' WHERE probe_at IS NOT NULL",
    })

  describe('by the in-flight cap', () => {
    it('whatever comes in with an older time than what is in flight', async () => {
      const id = await owed(20)
      assert.equal((await take()).length, 8)
      await database.db.query({
        text: "UPDATE due SET due_at = due_at - interval '1 minute' WHERE webhook_id = $1 AND NOT in_hand",
        values: [id],
      })
      assert.deepEqual(await take(), [])
    })

    it('whatever was written to the rows in flight since they were fed', async () => {
      await owed(300)
      await take()
      for (let times = 0; times < 20; times += 1)
        await database.db.query({ text: 'UPDATE due SET worker = worker WHERE in_hand' })
      assert.deepEqual(await take(), [])
    })

    it('with several feeders at once, again and again', async () => {
      await owed(100)
      for (let rounds = 0; rounds < 5; rounds += 1) {
        const fed = (await Promise.all(Array.from({ length: 6 }, () => take()))).flat()
        assert.equal(fed.length, 8)
        assert.equal(new Set(fed.map(({ deliveryId }) => deliveryId)).size, 8)
        await endAll(fed.slice(0, 3))
        assert.equal((await take()).length, 3)
        await endAll(fed)
        await database.db.query({ text: 'DELETE FROM due WHERE in_hand' })
      }
    })
  })

  describe('by the breaker', () => {
    it('closed → open: ten failures hold everything back, and other webhooks go on', async () => {
      const failing = await owed(20)
      const well = await owed(3)
      await found(failing, 9, { failed: true })
      assert.equal(await breakerOf(failing), 'closed')
      await found(failing, 1, { failed: true })
      assert.equal(await breakerOf(failing), 'open')
      assert.deepEqual([...new Set((await take()).map(({ webhookId }) => webhookId))], [well])
    })

    it('open → probing: when its time has come one is fed, by one of several feeders', async () => {
      const id = await owed(20)
      await found(id, 10, { failed: true })
      assert.deepEqual(await take(), [])
      await probeIsDue()
      const fed = (await Promise.all(Array.from({ length: 6 }, () => take()))).flat()
      assert.equal(fed.length, 1)
      assert.equal(await breakerOf(id), 'probing')
      await endAll(fed)
      assert.deepEqual(await take(), [])
    })

    it('probing → probing: a probe that was lost with its worker is followed by another', async () => {
      const id = await owed(20)
      await found(id, 10, { failed: true })
      await probeIsDue()
      assert.equal((await take()).length, 1)
      await probeIsDue()
      assert.deepEqual(await take(), [], 'the first is still in flight')
      await database.db.query({ text: 'DELETE FROM due WHERE in_hand' })
      assert.equal((await take()).length, 1)
      assert.equal(await breakerOf(id), 'probing')
    })

    it('probing → open: the probe fails, and the next comes thirty seconds later', async () => {
      const id = await owed(20)
      await found(id, 10, { failed: true })
      await probeIsDue()
      await endAll(await take())
      await found(id, 1, { failed: true })
      assert.equal(await breakerOf(id), 'open')
      const [row] = await database.db.query<{ seconds: number }>({
        text: 'SELECT extract(epoch FROM probe_at - now())::float8 AS seconds FROM webhook_health',
      })
      assert.ok(row && row.seconds > 20 && row.seconds <= 30, `${row?.seconds}`)
      assert.deepEqual(await take(), [])
    })

    it('probing → ramping → closed: one, two, four, and all of the cap again', async () => {
      const id = await owed(100)
      await found(id, 10, { failed: true })
      await probeIsDue()
      await endAll(await take())
      await found(id, 1, { failed: false })
      for (const step of [1, 2, 4]) {
        assert.equal(await breakerOf(id), 'ramping')
        const fed = await take()
        assert.equal(fed.length, step)
        assert.deepEqual(await take(), [])
        await endAll(fed)
        await found(id, step, { failed: false })
      }
      assert.equal(await breakerOf(id), 'closed')
      assert.equal((await take()).length, 8)
      assert.deepEqual(await listHealth(database.db), [])
    })

    it('ramping → open: a failure at one in flight', async () => {
      const id = await owed(20)
      await found(id, 10, { failed: true })
      await found(id, 1, { failed: false })
      assert.equal(await breakerOf(id), 'ramping')
      await found(id, 1, { failed: true })
      assert.equal(await breakerOf(id), 'open')
    })

    it('adds up what several workers found, and none deadlocks with another', async () => {
      const ids = await Promise.all(Array.from({ length: 20 }, () => owed(0)))
      const workers = Array.from({ length: 10 }, newWorker)
      for (const worker of workers) for (const id of ids) worker.note(id, { failed: true })
      await Promise.all(workers.map((worker) => worker.store()))
      for (const id of ids) assert.equal(await breakerOf(id), 'open')
    })

    it('feeds tests and manual retries all the same, up to the cap', async () => {
      const id = await owed(20)
      await found(id, 10, { failed: true })
      const rows = await database.db.query<{ delivery_id: string }>({ text: 'SELECT delivery_id FROM due LIMIT 10' })
      for (const { delivery_id } of rows)
        await database.db.transaction((sql) => retryDelivery(sql, { id, active: true }, delivery_id))
      const fed = await take()
      assert.equal(fed.length, 8)
      const asked = new Set(rows.map((row) => row.delivery_id))
      assert.ok(fed.every(({ deliveryId }) => asked.has(deliveryId)))
      assert.deepEqual(await take(), [])
      assert.equal(await breakerOf(id), 'open')
    })

    it('is forgotten when its webhook is gone or has been well for long', async () => {
      const [gone, quiet, failing] = [await owed(0), await owed(0), await owed(0)]
      await found(gone, 10, { failed: true })
      await found(quiet, 1, { failed: true })
      await found(failing, 10, { failed: true })
      await database.db.query({ text: 'DELETE FROM webhooks WHERE id = $1', values: [gone] })
      await database.db.query({ text: "UPDATE webhook_health SET updated_at = now() - interval '11 minutes'" })
      await forgetStaleHealth(database.db)
      assert.deepEqual(
        (await listHealth(database.db)).map(({ webhook_id }) => webhook_id),
        [failing],
      )
    })
  })

  describe('by the lane', () => {
    it('in: more than half of the last twenty slow; out: no longer', async () => {
      const id = await owed(20)
      await found(id, 10, { slow: true })
      assert.deepEqual(await lanes(1), ['quick'])
      await found(id, 1, { slow: true })
      assert.deepEqual(await lanes(1), ['slow'])
      await found(id, 9, { slow: false })
      assert.deepEqual(await lanes(1), ['slow'])
      await found(id, 1, { slow: false })
      assert.deepEqual(await lanes(1), ['quick'])
    })

    it('with room of its own: a full one holds back neither', async () => {
      const slow = await owed(5)
      const quick = await owed(5)
      await found(slow, 20, { slow: true })
      const fed = await take({ most: 3 })
      const per = (id: string) => fed.filter(({ webhookId }) => webhookId === id).length
      assert.deepEqual([per(slow), per(quick)], [3, 3])
    })

    async function lanes(most: number): Promise<string[]> {
      return (await take({ most })).map(({ lane }) => lane)
    }
  })

  describe('by the allowance of a user', () => {
    it('feeds so many a second over all webhooks of one user, and others all the same', async () => {
      await Promise.all([owed(8), owed(8), owed(8), owed(5, { user_id: 'bob' })])
      const fed = await take({ perUser: 10 })
      const webhooks = await database.db.query<{ id: string }>({
        text: "SELECT id FROM webhooks WHERE user_id = 'bob'",
      })
      const bobs = fed.filter(({ webhookId }) => webhookId === webhooks[0]?.id)
      assert.deepEqual([fed.length, bobs.length], [15, 5])
      await counted("now() + interval '1 hour'")
      assert.equal((await take({ perUser: 10 })).length, 0)
      await counted("now() - interval '1 hour'")
      assert.equal((await take({ perUser: 10 })).length, 10)
    })

    const counted = (at: string) => database.db.query({ text: `UPDATE attempt_allowances SET counted_at = ${at}` })

    it('neither holds back nor counts what a person asked for', async () => {
      const id = await owed(8)
      await take({ perUser: 4 })
      const rows = await database.db.query<{ delivery_id: string }>({
        text: 'SELECT delivery_id FROM due WHERE NOT in_hand LIMIT 2',
      })
      for (const { delivery_id } of rows)
        await database.db.transaction((sql) => retryDelivery(sql, { id, active: true }, delivery_id))
      assert.equal((await take({ perUser: 4 })).length, 2)
    })
  })

  describe('at no cost for webhooks that are well', () => {
    it('stores nothing of quick successes', async () => {
      const id = await owed(1)
      const worker = newWorker()
      worker.note(id, { failed: false, slow: false })
      assert.equal(await worker.store(), false)
    })

    it('keeps what it could not store for the next time', async () => {
      const id = await owed(1)
      const worker = newWorker()
      for (let times = 0; times < 10; times += 1) worker.note(id, { failed: true })
      await database.db.query({ text: 'ALTER TABLE webhook_health RENAME TO away' })
      await assert.rejects(worker.store())
      await database.db.query({ text: 'ALTER TABLE away RENAME TO webhook_health' })
      now += 1_000
      assert.equal(await worker.store(), true)
      assert.equal(await breakerOf(id), 'open')
    })

    it('tells how many webhooks are in each state', async () => {
      await found(await owed(0), 10, { failed: true })
      await found(await owed(0), 1, { failed: true })
      await found(await owed(0), 20, { slow: true })
      await newWorker().read()
      assert.deepEqual(counts, { closed: 2, open: 1, probing: 0, ramping: 0, slow: 1 })
    })
  })
})
