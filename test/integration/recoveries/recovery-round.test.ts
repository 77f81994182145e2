import assert from 'node:assert/strict'
import { Client } from 'pg'
import type { Database } from '../../../src/db/database.ts'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { forgetOldRecoveries } from '../../../src/recoveries/end-recoveries.ts'
import { runRecoveryRound } from '../../../src/recoveries/recovery-round.ts'
import { cancelRecovery } from '../../../src/recoveries/recovery-store.ts'
import { removeWebhook } from '../../../src/webhooks/manage-webhooks.ts'
import { turnOff } from '../../../src/webhooks/switch-webhook.ts'
import { BY_TEST } from '../../support/author.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { beginRecovery, nextRound, oneRound, readRecovery, runToTheEnd, storeClosed } from '../../support/recoveries.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'

const COUNT = 800

describe('the rounds of a recovery', () => {
  let database: TestDatabase
  let db: Database
  let webhookId: string

  before(async () => {
    database = await createDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    await db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events, recoveries' })
    webhookId = await makeWebhook(db)
  })

  it('leave nothing half done when their worker is gone, and go on from the last that was committed', async () => {
    await storeClosed(db, webhookId, { status: 'failed', count: COUNT, attempts: 1 })
    const id = await beginRecovery(db, webhookId, 'failed')
    await oneRound(db)
    const committed = await readRecovery(db, id)
    assert.equal(await openCount(), committed.recovered)
    await killed(() => nextRound(db))
    assert.equal(await openCount(), committed.recovered)
    assert.deepEqual(await readRecovery(db, id), committed)
    await runToTheEnd(db)
    assert.equal(await openCount(), COUNT)
    const done = await readRecovery(db, id)
    assert.deepEqual([done.status, done.recovered, done.skipped], ['completed', COUNT, 0])
  })

  it('do not wait for one that another worker is in the middle of, nor overlap with it', async () => {
    await storeClosed(db, webhookId, { status: 'failed', count: 3 })
    const id = await beginRecovery(db, webhookId, 'failed')
    await db.transaction(async (sql) => {
      await sql.query({ text: 'SELECT 1 FROM recoveries WHERE id = $1 FOR UPDATE', values: [id] })
      assert.equal(await oneRound(db), 'idle')
    })
    assert.deepEqual(await oneRound(db), { recovered: 3 })
  })

  it('take turns between the recoveries of several webhooks', async () => {
    const other = await makeWebhook(db)
    for (const id of [webhookId, other]) await storeClosed(db, id, { status: 'failed', count: 900, attempts: 0 })
    for (const id of [webhookId, other]) await beginRecovery(db, id, 'failed')
    await oneRound(db)
    await oneRound(db)
    const rows = await db.query({ text: 'SELECT recovered FROM recoveries' })
    assert.deepEqual(rows, [{ recovered: 500 }, { recovered: 500 }])
  })

  it('end when the recovery is stopped, and what was opened stays open', async () => {
    await storeClosed(db, webhookId, { status: 'failed', count: COUNT, attempts: 0 })
    const id = await beginRecovery(db, webhookId, 'failed')
    await oneRound(db)
    await cancelRecovery(db, id, 'stopped by its owner')
    assert.equal(await oneRound(db), 'idle')
    const { status, recovered, reason, finished_at } = await readRecovery(db, id)
    assert.deepEqual([status, recovered, reason], ['canceled', 500, 'stopped by its owner'])
    assert.ok(finished_at)
    assert.equal(await openCount(), 500)
  })

  for (const [what, end] of [
    ['turned off', () => db.transaction((sql) => turnOff(sql, webhookId, 'disabled by its owner'))],
    ['deleted', () => removeWebhook({ db }, { userId: 'alice', seesAll: false }, BY_TEST, webhookId)],
  ] as const) {
    it(`end when the webhook is ${what}, with nothing left open, also in the middle of a round`, async () => {
      await storeClosed(db, webhookId, { status: 'failed', count: COUNT, attempts: 0 })
      const id = await beginRecovery(db, webhookId, 'failed')
      await Promise.all([nextRound(db), end()])
      await runToTheEnd(db)
      const { status, reason } = await readRecovery(db, id)
      assert.deepEqual([status, reason], ['canceled', 'The webhook was turned off or deleted.'])
      assert.equal(await openCount(), 0)
      const [row] = await db.query<{ open: number }>({
        text: "SELECT count(*) AS open FROM deliveries WHERE status IN ('pending', 'retrying')",
      })
      assert.equal(row?.open, 0)
    })
  }

  it('are given up after failing again and again, say so, and do not hold up the others', async () => {
    await insertEvents(db, [newEvent()])
    await db.query({ text: 'DELETE FROM due' })
    await db.query({ text: 'DELETE FROM deliveries' })
    await db.query({
      text: `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF NEW.webhook_id = '${webhookId}' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON due FOR EACH ROW EXECUTE FUNCTION refuse()`,
    })
    try {
      const id = await beginRecovery(db, webhookId, 'missing')
      const other = await makeWebhook(db)
      const theirs = await beginRecovery(db, other, 'missing')
      const errors: unknown[] = []
      const round = () => runRecoveryRound({ db, onError: (error) => void errors.push(error) })
      for (let rounds = 0; rounds < 6; rounds += 1) {
        await round()
        await db.query({
          text: "UPDATE recoveries SET next_round_at = now() WHERE id = $1 AND failed_rounds > 0 AND status = 'running'",
          values: [id],
        })
      }
      assert.equal(errors.length, 5)
      const { status, reason, recovered } = await readRecovery(db, id)
      assert.deepEqual([status, recovered], ['failed', 0])
      assert.match(reason ?? '', /failed/)
      assert.equal((await readRecovery(db, theirs)).status, 'completed')
    } finally {
      await db.query({ text: 'DROP FUNCTION refuse CASCADE' })
    }
  })

  it('are forgotten when they ended as long ago as the log is kept', async () => {
    await storeClosed(db, webhookId, { status: 'failed' })
    const id = await beginRecovery(db, webhookId, 'failed')
    await runToTheEnd(db)
    assert.equal(await forgetOldRecoveries(db, 30, 10), 0)
    await db.query({ text: "UPDATE recoveries SET finished_at = now() - interval '31 days'" })
    assert.equal(await forgetOldRecoveries(db, 30, 10), 1)
    await assert.rejects(readRecovery(db, id))
  })

  /** Ends the session that is in the middle of a round, as the server does when a worker is gone. */
  async function killed(round: () => Promise<unknown>): Promise<void> {
    const holder = new Client({ connectionString: database.url })
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT 1 FROM webhook_stats WHERE webhook_id = $1 FOR UPDATE', [webhookId])
    const running = assert.rejects(round())
    await eventually(async () => {
      const gone = await db.query({
        text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%exhausted_in_row%'`,
      })
      assert.ok(gone.length > 0)
    })
    await running
    await holder.end()
  }

  async function openCount(): Promise<number | undefined> {
    const [row] = await db.query<{ open: number }>({ text: 'SELECT count(*) AS open FROM due' })
    return row?.open
  }
})
