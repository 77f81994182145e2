import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createClaim } from '../../../src/deliveries/claim.ts'
import { makeAttempt } from '../../../src/deliveries/make-attempt.ts'
import { createRecord } from '../../../src/deliveries/record.ts'
import { retryDelivery } from '../../../src/deliveries/retry-delivery.ts'
import { MOST_OPEN } from '../../../src/recoveries/recovery-round.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import {
  beginRecovery,
  countersOf,
  HOUR_MS,
  nextRound,
  oneRound,
  readRecovery,
  runToTheEnd,
  storeClosed,
} from '../../support/recoveries.ts'
import { makeWebhook } from '../../support/rows.ts'
import { attemptingWorker, attemptResult, openDelivery, storeWebhook } from '../../support/work-attempts.ts'

describe('recovering what failed', () => {
  let database: TestDatabase
  let webhookId: string

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({
      text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events, recoveries',
    })
    webhookId = await makeWebhook(database.db, { max_attempts: 4 })
  })

  it('opens each failed or canceled delivery of the span once and nothing else', async () => {
    const { db } = database
    const other = await makeWebhook(db)
    const failed = await storeClosed(db, webhookId, { status: 'failed', count: 3, hoursAgo: 3 })
    const canceled = await storeClosed(db, webhookId, { status: 'canceled', count: 2, hoursAgo: 2, attempts: 0 })
    await storeClosed(db, webhookId, { status: 'success', count: 2, hoursAgo: 2 })
    await storeClosed(db, webhookId, { status: 'failed', hoursAgo: 2, test: true })
    await storeClosed(db, webhookId, { status: 'failed', count: 2, hoursAgo: 20 })
    await storeClosed(db, webhookId, { status: 'failed', count: 2, hoursAgo: 1 })
    await storeClosed(db, other, { status: 'failed', count: 2, hoursAgo: 2 })
    const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS)
    const id = await beginRecovery(db, webhookId, 'failed', { since: ago(4), until: ago(1.5) })
    await runToTheEnd(db)
    const { status, recovered, skipped, finished_at } = await readRecovery(db, id)
    assert.deepEqual([status, recovered, skipped], ['completed', 5, 0])
    assert.ok(finished_at)
    assert.deepEqual(await dueRows(), [
      ...failed.map((delivery_id) => ({ delivery_id, attempt: 3, earlier_attempts: 3, max_attempts: 7 })),
      ...canceled.map((delivery_id) => ({ delivery_id, attempt: 0, earlier_attempts: 0, max_attempts: 4 })),
    ])
    const opened = await db.query<{ status: string; max_attempts: number }>({
      text: 'SELECT status, max_attempts FROM deliveries WHERE id = ANY ($1) ORDER BY id',
      values: [[failed[0], canceled[0]]],
    })
    assert.deepEqual(opened, [
      { status: 'retrying', max_attempts: 7 },
      { status: 'pending', max_attempts: 4 },
    ])
    assert.deepEqual(await countersOf(db, webhookId), [6, 2, 4])
    assert.deepEqual(await countersOf(db, other), [2, 0, 2])
  })

  it('gives a whole round of attempts, whose numbers go on and whose pauses begin anew', async () => {
    const { db } = database
    await db.query({ text: 'DELETE FROM webhooks' })
    webhookId = await storeWebhook(db, { url: 'http://127.0.0.1:1/', maxAttempts: 2 })
    const deliveryId = await openDelivery(db)
    const worker = attemptingWorker(db, 'one')
    const pauses: (number | null | undefined)[] = []
    const attempt = async (number: number) => {
      const made = await makeAttempt(worker.deps, { deliveryId, attempt: number }, new AbortController().signal)
      pauses.push(made?.retryInMs)
    }
    await attempt(1)
    await attempt(2)
    await beginRecovery(db, webhookId, 'failed')
    await runToTheEnd(db)
    await attempt(3)
    await attempt(4)
    await worker.close()
    assert.deepEqual(pauses, [1_000, null, 1_000, null])
    assert.deepEqual(await countersOf(db, webhookId), [1, 0, 1])
  })

  it('never has more open than a webhook may have, and goes on when there is room', async () => {
    const { db } = database
    await storeClosed(db, webhookId, { status: 'failed', count: MOST_OPEN + 300, attempts: 1 })
    const id = await beginRecovery(db, webhookId, 'failed')
    let most = 0
    while ((await nextRound(db)) !== 'full') most = (await dueRows()).length
    assert.equal(most, MOST_OPEN)
    const halfWay = await readRecovery(db, id)
    assert.deepEqual([halfWay.status, halfWay.recovered], ['running', MOST_OPEN])
    await db.query({ text: 'DELETE FROM due WHERE delivery_id IN (SELECT delivery_id FROM due LIMIT 100)' })
    await nextRound(db)
    assert.equal((await dueRows()).length, MOST_OPEN)
    await runToTheEnd(db)
    const done = await readRecovery(db, id)
    assert.deepEqual([done.status, done.recovered, done.skipped], ['completed', MOST_OPEN + 300, 0])
    assert.deepEqual(await countersOf(db, webhookId), [0, 0, 0])
  })

  it('opens each once when several workers and those who retry by hand are at it', async () => {
    const { db } = database
    const failed = await storeClosed(db, webhookId, { status: 'failed', count: 900, attempts: 1 })
    const id = await beginRecovery(db, webhookId, 'failed')
    const byHand = failed.filter((_, index) => index % 9 === 0)
    const retry = async () => {
      for (let next = byHand.pop(); next !== undefined; next = byHand.pop()) {
        const deliveryId = next
        await db.transaction((sql) => retryDelivery(sql, { id: webhookId, active: true }, deliveryId))
      }
    }
    const worker = async () => {
      while ((await readRecovery(db, id)).status === 'running') {
        await oneRound(db)
        await setTimeout(1)
      }
    }
    await Promise.all([worker(), worker(), worker(), retry(), retry(), retry()])
    assert.equal((await dueRows()).length, 900)
    const { recovered, skipped } = await readRecovery(db, id)
    assert.ok(recovered >= 800 && recovered + skipped <= 900, `${recovered} and ${skipped}`)
    assert.deepEqual(await countersOf(db, webhookId), [0, 0, 0])
  })

  it('counts an outcome once more only when it is there again', async () => {
    const { db } = database
    const deliveryId = await openDelivery(db)
    const claim = createClaim({ db, worker: 'one' })
    const record = createRecord({ db, worker: 'one' })
    await claim({ deliveryId, attempt: 1 })
    await record(attemptResult({ deliveryId, attempt: 1, status: 'failed', retryInMs: null }))
    assert.deepEqual(await countersOf(db, webhookId), [1, 0, 1])
    await beginRecovery(db, webhookId, 'failed')
    await runToTheEnd(db)
    assert.deepEqual(await countersOf(db, webhookId), [0, 0, 0])
    assert.deepEqual(
      (await dueRows()).map((row) => row.attempt),
      [1],
    )
    await claim({ deliveryId, attempt: 2 })
    await record(attemptResult({ deliveryId, attempt: 2 }))
    assert.deepEqual(await countersOf(db, webhookId), [1, 1, 0])
  })

  async function dueRows() {
    return database.db.query<{ delivery_id: string; attempt: number }>({
      text: 'SELECT delivery_id, attempt, earlier_attempts, max_attempts FROM due ORDER BY delivery_id',
    })
  }
})
