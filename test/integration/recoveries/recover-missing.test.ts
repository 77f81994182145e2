import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Database } from '../../../src/db/database.ts'
import { idsAround } from '../../../src/db/id-bounds.ts'
import { insertEvents, type NewEvent } from '../../../src/events/insert-events.ts'
import { uuidTime, uuidv7 } from '../../../src/ids.ts'
import { OPEN } from '../../../src/recoveries/open-missing.ts'
import { cancelRecovery } from '../../../src/recoveries/recovery-store.ts'
import { startRecovery } from '../../../src/recoveries/start-recovery.ts'
import { BY_TEST } from '../../support/author.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import {
  beginRecovery,
  eventsOf,
  HOUR_MS,
  oneRound,
  readRecovery,
  runToTheEnd,
  storeClosed,
} from '../../support/recoveries.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'

/** What a webhook may ask for; each is tried beside a twin that was active all along. */
const WANTED: Parameters<typeof makeWebhook>[1][] = [
  { events: ['*'] },
  { events: ['prediction_complete'] },
  { events: ['model_trained', 'alert_triggered'], user_id: 'bob' },
  { events: ['*'], symbols: ['AAPL', 'MSFT'] },
  { events: ['alert_triggered'], symbols: ['TSLA'], user_id: 'carol' },
]

describe('recovering what is missing', () => {
  let database: TestDatabase
  let db: Database

  before(async () => {
    database = await createDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    await db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events, recoveries' })
  })

  it('opens exactly what a webhook that was active all along got', async () => {
    const twins: [late: string, always: string][] = []
    for (const fields of WANTED) {
      twins.push([await makeWebhook(db, { ...fields, active: false }), await makeWebhook(db, fields)])
    }
    await insertEvents(db, manyEvents(500))
    await storeTestEvent()
    await db.query({ text: 'UPDATE webhooks SET active = true' })
    await insertEvents(db, manyEvents(100))
    for (const [late] of twins) await beginRecovery(db, late, 'missing')
    await runToTheEnd(db)
    for (const [late, always] of twins) {
      const owed = await eventsOf(db, always)
      assert.ok(owed.length > 0)
      assert.deepEqual(await eventsOf(db, late), owed)
    }
    const [{ open } = { open: 0 }] = await db.query<{ open: number }>({ text: 'SELECT count(*) AS open FROM due' })
    assert.ok(open > 0)
  })

  it('begins each as acceptance does, at the time and in the day of its event', async () => {
    const yesterday = newEvent({ id: uuidv7(Date.now() - 23 * HOUR_MS) })
    await insertEvents(db, [yesterday])
    const webhookId = await makeWebhook(db, { max_attempts: 7 })
    const id = await beginRecovery(db, webhookId, 'missing')
    await runToTheEnd(db)
    const [delivery] = await db.query<Record<string, unknown> & { id: string }>({
      text: `SELECT id, event_id, event_type, user_id, status, attempt, max_attempts, test FROM deliveries`,
    })
    assert.ok(delivery)
    const { id: deliveryId, ...rest } = delivery
    assert.deepEqual(rest, {
      ...{ event_id: yesterday.id, event_type: yesterday.type, user_id: 'alice' },
      ...{ status: 'pending', attempt: 0, max_attempts: 7, test: false },
    })
    assert.equal(uuidTime(deliveryId), uuidTime(yesterday.id))
    const due = await db.query({ text: 'SELECT delivery_id, webhook_id, event_id, attempt, max_attempts FROM due' })
    assert.deepEqual(due, [
      { delivery_id: deliveryId, webhook_id: webhookId, event_id: yesterday.id, attempt: 0, max_attempts: 7 },
    ])
    const { recovered, skipped, status } = await readRecovery(db, id)
    assert.deepEqual([recovered, skipped, status], [1, 0, 'completed'])
  })

  it('keeps to its span, and skips what has a delivery, whatever became of it', async () => {
    const at = (hours: number) => newEvent({ id: uuidv7(Date.now() - hours * HOUR_MS) })
    const [before, within, there, after] = [at(10), at(5), at(4), at(1)]
    await insertEvents(db, [before, within, there, after])
    const webhookId = await makeWebhook(db)
    await storeClosed(db, webhookId, { status: 'canceled', hoursAgo: 4 })
    await db.query({ text: 'UPDATE deliveries SET event_id = $1', values: [there.id] })
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS)
    const id = await beginRecovery(db, webhookId, 'missing', { since: hoursAgo(6), until: hoursAgo(3) })
    await runToTheEnd(db)
    assert.deepEqual(await eventsOf(db, webhookId), [within.id, there.id])
    const { recovered, skipped } = await readRecovery(db, id)
    assert.deepEqual([recovered, skipped], [1, 1])
  })

  it('opens one delivery a pair, however many workers, recoveries one after another, and acceptances there are', async () => {
    const webhookId = await makeWebhook(db, { active: false })
    const missed = manyEvents(3_000, 'alice')
    for (let start = 0; start < missed.length; start += 500) await insertEvents(db, missed.slice(start, start + 500))
    await db.query({ text: 'UPDATE webhooks SET active = true' })
    let over = false
    const worker = async () => {
      while (!over) {
        await oneRound(db)
        await db.query({
          text: 'DELETE FROM due WHERE delivery_id IN (SELECT delivery_id FROM due LIMIT 500 FOR UPDATE SKIP LOCKED)',
        })
        await setTimeout(1)
      }
    }
    const meanwhile: NewEvent[] = []
    const accept = async () => {
      while (!over) {
        const events = [newEvent(), newEvent()]
        await insertEvents(db, events)
        meanwhile.push(...events)
        await setTimeout(5)
      }
    }
    const ownerWhoIsNeverSure = async () => {
      for (let times = 0; times < 5; times += 1) {
        const id = await beginRecovery(db, webhookId, 'missing')
        await setTimeout(60)
        await cancelRecovery(db, id, 'again')
      }
      const last = await beginRecovery(db, webhookId, 'missing')
      while ((await readRecovery(db, last)).status === 'running') {
        await setTimeout(20)
        await db.query({ text: "UPDATE recoveries SET next_round_at = now() WHERE status = 'running'" })
      }
      over = true
    }
    await Promise.all([worker(), worker(), worker(), accept(), ownerWhoIsNeverSure()])
    const expected = [...missed, ...meanwhile].map((event) => event.id).sort()
    assert.deepEqual(await eventsOf(db, webhookId), expected)
  })

  it('can look for each delivery by its event only, whatever the statistics say of the webhook', async () => {
    const webhookId = await makeWebhook(db)
    const [first, last] = [uuidv7(Date.now() - HOUR_MS), uuidv7()]
    const plan = await db.query<{ 'QUERY PLAN': string }>({
      text: `EXPLAIN ${OPEN}`,
      values: [webhookId, first, last, 500, ...idsAround(first, last, 48 * HOUR_MS)],
    })
    const lines = plan.map((line) => line['QUERY PLAN'])
    const looks = lines.flatMap((line, at) =>
      / on deliveries_\d+ deliveries_/.test(line) ? [lines.slice(at, at + 2)] : [],
    )
    assert.ok(looks.length > 0)
    for (const [scan = '', condition = ''] of looks) {
      assert.match(scan, /Scan using deliveries_\d+_event_id_webhook_id_idx/)
      assert.match(condition, /Index Cond: .*ROW\(event_id, webhook_id\)/)
      assert.doesNotMatch(condition, /\(webhook_id = /)
    }
  })

  it('waits until no acceptance that began before it can still commit', async () => {
    const webhookId = await makeWebhook(db)
    const id = await beginRecovery(db, webhookId, 'missing')
    await cancelRecovery(db, id, 'again')
    const span = { recovers: 'missing' as const, since: new Date(Date.now() - HOUR_MS) }
    const owner = { userId: 'alice', seesAll: false }
    await startRecovery({ db, retentionDays: 30, now: () => new Date() }, owner, BY_TEST, webhookId, span)
    assert.equal(await oneRound(db), 'idle')
    const [row] = await db.query<{ waits: boolean }>({
      text: "SELECT next_round_at > now() + interval '3 seconds' AS waits FROM recoveries WHERE status = 'running'",
    })
    assert.equal(row?.waits, true)
  })

  /** Of all types, symbols and owners, spread over the last hours. */
  function manyEvents(count: number, only?: string): NewEvent[] {
    const types = ['prediction_complete', 'model_trained', 'alert_triggered', 'system_error'] as const
    const symbols = ['AAPL', 'MSFT', 'TSLA', null] as const
    const users = only ? [null, only] : [null, null, 'alice', 'bob', 'carol']
    return Array.from({ length: count }, (_, index) =>
      newEvent({
        id: uuidv7(Date.now() - 10 * HOUR_MS + index * 1_000),
        type: types[index % types.length] ?? 'system_error',
        symbol: symbols[Math.floor(index / 4) % symbols.length] ?? null,
        userId: users[Math.floor(index / 16) % users.length] ?? null,
      }),
    )
  }

  async function storeTestEvent(): Promise<void> {
    await db.query({
      text: `INSERT INTO events (id, event_type, symbol, canonical, "timestamp", published_by, test)
             VALUES ($1, 'prediction_complete', 'AAPL', '{}', now(), 'alice', true)`,
      values: [uuidv7(Date.now() - HOUR_MS)],
    })
  }
})
