import assert from 'node:assert/strict'
import { type ClaimAttempt, createClaim } from '../../../src/deliveries/claim.ts'
import { findDelivery, listAttempts } from '../../../src/deliveries/delivery-log.ts'
import { createRecord, type RecordAttempt } from '../../../src/deliveries/record.ts'
import { retryDelivery } from '../../../src/deliveries/retry-delivery.ts'
import { findWebhook } from '../../../src/webhooks/webhook-store.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { claimsNow } from '../../support/feed.ts'
import { makeWebhook } from '../../support/rows.ts'
import { attemptResult, openDelivery } from '../../support/work-attempts.ts'

describe('retrying a delivery by hand', () => {
  let database: TestDatabase
  let claim: ClaimAttempt
  let record: RecordAttempt
  let webhookId: string

  before(async () => {
    database = await createDatabase()
    claim = createClaim({ db: database.db, worker: 'one' })
    record = createRecord({ db: database.db, worker: 'one' })
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' })
    webhookId = await makeWebhook(database.db)
  })

  it('makes one more attempt of a delivery that is over, with the next number, and counts its new outcome only', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(attemptResult({ deliveryId, attempt: 1, status: 'failed', retryInMs: null }))
    await retry(deliveryId)
    assert.deepEqual(await counters(), [0, 0, 0])
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [{ deliveryId, attempt: 2 }])
    const claimed = await claim({ deliveryId, attempt: 2 })
    assert.equal(claimed?.maxAttempts, 2)
    await assert.rejects(retry(deliveryId), { code: 'attempt_under_way' })
    await record(attemptResult({ deliveryId, attempt: 2 }))
    assert.deepEqual(await counters(), [1, 1, 0])
    assert.deepEqual(await attemptStatuses(deliveryId), ['failed', 'success'])
  })

  it('takes back that it was delivered until it is again, and still shows what its last attempt came to', async () => {
    const deliveryId = await openDelivery(database.db)
    const shown = async () => {
      const delivery = await findDelivery(database.db, webhookId, deliveryId)
      assert.ok(delivery)
      return [delivery.status, delivery.delivered_at !== null, delivery.response_code, delivery.attempt]
    }
    await claim({ deliveryId, attempt: 1 })
    await record(attemptResult({ deliveryId, attempt: 1 }))
    assert.deepEqual(await shown(), ['success', true, 200, 1])
    await retry(deliveryId)
    assert.deepEqual(await shown(), ['retrying', false, 200, 1])
    await claim({ deliveryId, attempt: 2 })
    assert.deepEqual(await shown(), ['delivering', false, 200, 2])
    await record(attemptResult({ deliveryId, attempt: 2, status: 'failed', retryInMs: null, responseCode: 500 }))
    assert.deepEqual(await shown(), ['failed', false, 500, 2])
    await retry(deliveryId)
    await claim({ deliveryId, attempt: 3 })
    await record(attemptResult({ deliveryId, attempt: 3 }))
    assert.deepEqual(await shown(), ['success', true, 200, 3])
  })

  it('brings a waiting retry forward without another number', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(attemptResult({ deliveryId, attempt: 1, status: 'failed', retryInMs: 3_600_000 }))
    await retry(deliveryId)
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [{ deliveryId, attempt: 2 }])
  })

  it('opens a delivery that is over once for several who ask at the same time, and counts it back once', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(attemptResult({ deliveryId, attempt: 1, status: 'failed', retryInMs: null }))
    await Promise.all(Array.from({ length: 8 }, () => retry(deliveryId)))
    assert.deepEqual(await counters(), [0, 0, 0])
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [{ deliveryId, attempt: 2 }])
  })

  it('refuses one of another webhook, and one whose webhook is off', async () => {
    const deliveryId = await openDelivery(database.db)
    const other = await makeWebhook(database.db)
    const asked = (id: string, active: boolean) =>
      database.db.transaction((sql) => retryDelivery(sql, { id, active }, deliveryId))
    await assert.rejects(asked(other, true), { status: 404 })
    await assert.rejects(asked(webhookId, false), { status: 409, code: 'webhook_inactive' })
  })

  function retry(deliveryId: string): Promise<void> {
    return database.db.transaction((sql) => retryDelivery(sql, { id: webhookId, active: true }, deliveryId))
  }

  async function attemptStatuses(deliveryId: string): Promise<string[]> {
    return (await listAttempts(database.db, deliveryId)).map((attempt) => attempt.status)
  }

  async function counters(): Promise<number[]> {
    const webhook = await findWebhook(database.db, { userId: 'alice', seesAll: false }, webhookId)
    assert.ok(webhook)
    return [webhook.delivery_count, webhook.success_count, webhook.failure_count]
  }
})
