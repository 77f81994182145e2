import assert from 'node:assert/strict'
import type { Database, Sql } from '../../../src/db/database.ts'
import { listEvents } from '../../../src/events/event-log.ts'
import { storeSubmissions } from '../../../src/events/store-submissions.ts'
import { isUserId } from '../../../src/identity/claims.ts'
import { disableFailing, disableIfFailed, warnFailing } from '../../../src/webhooks/failing-webhooks.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'
import { FAILING } from '../../support/work-attempts.ts'

const DAY_SECONDS = 86_400

describe('a webhook that does not get through any more', () => {
  let database: TestDatabase
  let db: Database
  let webhookId: string

  before(async () => {
    database = await createDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    await db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' })
    webhookId = await makeWebhook(db)
  })

  it('is turned off after 5 days without a success and 10 deliveries given up, not by one of both alone', async () => {
    for (const [days, failures, off] of [
      [4.9, 1000, false],
      [30, 9, false],
      [5.1, 10, true],
    ] as const) {
      await failFor(days, failures)
      const disabled = await disableFailing(db, FAILING)
      assert.deepEqual(
        disabled.map(({ id }) => id),
        off ? [webhookId] : [],
        `${days} days, ${failures} deliveries`,
      )
    }
    const webhook = await stored()
    assert.equal(webhook.active, false)
    assert.match(webhook.disabled_reason, /^Nothing has got through since 20\S+Z; 10 deliveries were given up\.$/)
    assert.ok(webhook.disabled_at)
  })

  it('is turned off by the numbers that are set', async () => {
    await failFor(0.1, 2)
    assert.equal((await disableFailing(db, { disableAfterSeconds: 8_000, disableAfterFailures: 3 })).length, 0)
    assert.equal((await disableFailing(db, { disableAfterSeconds: 8_000, disableAfterFailures: 2 })).length, 1)
  })

  it('is turned off at once when its receiver answered 410, also by the next round if a crash came between', async () => {
    assert.equal(await disableIfFailed(db, FAILING, webhookId), null)
    await db.query({ text: 'UPDATE webhook_stats SET gone = true' })
    const second = await makeWebhook(db)
    await db.query({ text: 'UPDATE webhook_stats SET gone = true' })
    assert.equal((await disableIfFailed(db, FAILING, webhookId))?.id, webhookId)
    assert.deepEqual(
      (await disableFailing(db, FAILING)).map(({ id }) => id),
      [second],
    )
    assert.equal((await stored()).disabled_reason, 'The receiver answered 410 Gone.')
  })

  it('has its open deliveries cancelled, and each says why', async () => {
    await publish()
    await publish()
    await failFor(6, 20)
    await disableFailing(db, FAILING)
    const rows = await db.query({ text: "SELECT status, error FROM deliveries WHERE event_type <> 'webhook_disabled'" })
    assert.deepEqual(rows, Array(2).fill({ status: 'canceled', error: 'canceled' }))
    assert.equal(await count('due'), 0)
  })

  it('is told of to its owner’s other webhooks that subscribe to it, and to nobody else', async () => {
    const others = {
      all: await makeWebhook(db),
      subscribed: await makeWebhook(db, { events: ['webhook_disabled', 'model_trained'] }),
    }
    await makeWebhook(db, { events: ['webhook_failing'] })
    await makeWebhook(db, { events: ['*'], active: false })
    await makeWebhook(db, { events: ['*'], user_id: 'bob' })
    await failFor(6, 12, webhookId)
    await disableFailing(db, FAILING)
    const [event] = await noticesOf('webhook_disabled')
    assert.ok(event)
    assert.deepEqual([event.user_id, event.published_by, event.test], ['alice', '', false])
    // Publishers see what they published; no user may pass for the system.
    assert.ok(!isUserId(event.published_by))
    const seenBy = (userId: string) => listEvents(db, { userId, seesAll: false }, { limit: 10 })
    assert.deepEqual([(await seenBy('alice')).length, (await seenBy('system')).length], [1, 0])
    const { data, event_type } = JSON.parse(event.canonical)
    const { disabled_reason, failing_since } = await stored()
    assert.deepEqual(
      [event_type, data],
      [
        'webhook_disabled',
        { webhook_id: `wh_${webhookId}`, reason: disabled_reason, failing_since: failing_since.toISOString() },
      ],
    )
    assert.deepEqual(await toldTo(), [others.all, others.subscribed].sort())
    assert.equal(await count('due'), 2)
  })

  it('is told of half-way, once for each time of failing, and not to itself', async () => {
    const other = await makeWebhook(db, { events: ['webhook_failing'] })
    for (const [days, failures, told] of [
      [2.4, 100, 0],
      [100, 4, 0],
      [2.6, 5, 1],
    ] as const) {
      await failFor(days, failures, webhookId)
      assert.equal((await warnFailing(db, FAILING)).length, told, `${days} days, ${failures} deliveries`)
    }
    assert.equal((await warnFailing(db, FAILING)).length, 0)
    assert.deepEqual(await toldTo(), [other])
    assert.equal((await stored()).active, true)
    const [event] = await noticesOf('webhook_failing')
    assert.match(JSON.parse(event?.canonical ?? '').data.reason, /^Nothing has got through since .*; 5 deliveries were/)
    await failFor(2.7, 5, webhookId)
    assert.equal((await warnFailing(db, FAILING)).length, 1, 'another time of failing')
  })

  it('is not told of half-way when it is already off, or gone too long', async () => {
    await failFor(6, 20)
    await disableFailing(db, FAILING)
    assert.deepEqual(await warnFailing(db, FAILING), [])
  })

  it('is turned off and told of exactly once by many workers at a time', async () => {
    const webhooks = [webhookId]
    while (webhooks.length < 20) webhooks.push(await makeWebhook(db, { events: ['model_trained'] }))
    const ear = await makeWebhook(db, { user_id: 'alice', events: ['webhook_disabled', 'webhook_failing'] })
    await failFor(3, 20)
    await db.query({ text: 'UPDATE webhook_stats SET failing_since = NULL WHERE webhook_id = $1', values: [ear] })
    const warned = (await Promise.all(Array.from({ length: 6 }, () => warnFailing(db, FAILING)))).flat()
    assert.deepEqual([warned.length, (await noticesOf('webhook_failing')).length], [20, 20])
    await db.query({ text: "UPDATE webhook_stats SET failing_since = failing_since - interval '3 days'" })
    const rounds = Array.from({ length: 6 }, () => disableFailing(db, FAILING))
    const singles = webhooks.map((id) => disableIfFailed(db, FAILING, id))
    const disabled = [(await Promise.all(rounds)).flat(), await Promise.all(singles)]
      .flat()
      .filter((one) => one !== null)
    assert.deepEqual([disabled.length, (await noticesOf('webhook_disabled')).length], [20, 20])
    assert.equal((await toldTo()).filter((id) => id === ear).length, 40)
  })

  it('stays on, with nothing told, when the transaction does not come to its end', async () => {
    await makeWebhook(db)
    await publish()
    await failFor(6, 20, webhookId)
    const before = await count('due')
    for (const step of [disableFailing, warnFailing]) {
      await assert.rejects(step(endingBeforeCommit(db), FAILING), /the process ended/)
      assert.equal((await stored()).active, true)
      assert.deepEqual([await count('events'), await count('due')], [1, before])
    }
    assert.equal((await warnFailing(db, FAILING)).length, 1)
    assert.equal((await disableFailing(db, FAILING)).length, 1)
  })

  async function failFor(days: number, failures: number, id?: string): Promise<void> {
    await db.query({
      text: `UPDATE webhook_stats SET failing_since = now() - make_interval(secs => $1), exhausted_in_row = $2
             WHERE $3::uuid IS NULL OR webhook_id = $3`,
      values: [days * DAY_SECONDS, failures, id ?? null],
    })
  }

  async function publish(): Promise<void> {
    await storeSubmissions(db, [{ events: [newEvent()], answer: { status: 202, body: '' } }])
  }

  async function stored() {
    const [row] = await db.query<{ active: boolean; disabled_reason: string; disabled_at: Date; failing_since: Date }>({
      text: `SELECT active, disabled_reason, disabled_at, failing_since
             FROM webhooks JOIN webhook_stats ON webhook_id = id WHERE id = $1`,
      values: [webhookId],
    })
    return row ?? assert.fail()
  }

  function noticesOf(type: string) {
    return db.query<{ canonical: string; user_id: string; published_by: string; test: boolean }>({
      text: 'SELECT canonical, user_id, published_by, test FROM events WHERE event_type = $1',
      values: [type],
    })
  }

  async function toldTo(): Promise<string[]> {
    const rows = await db.query<{ webhook_id: string }>({
      text: "SELECT webhook_id FROM deliveries WHERE event_type LIKE 'webhook_%' ORDER BY webhook_id",
    })
    return rows.map((row) => row.webhook_id)
  }

  async function count(table: string): Promise<number> {
    const [row] = await db.query<{ count: number }>({ text: `SELECT count(*) FROM ${table}` })
    return row?.count ?? assert.fail()
  }
})

/** A database whose transactions do all their work and never commit. */
function endingBeforeCommit(db: Database): Database {
  return {
    ...db,
    transaction: (work: (sql: Sql) => Promise<unknown>) =>
      db.transaction(async (sql) => {
        await work(sql)
        throw new Error('the process ended')
      }),
  }
}
