import assert from 'node:assert/strict'
import { type ClaimAttempt, createClaim } from '../../../src/deliveries/claim.ts'
import { findDelivery, listAttempts, listDeliveries } from '../../../src/deliveries/delivery-log.ts'
import { createRecord, type RecordAttempt } from '../../../src/deliveries/record.ts'
import { turnOff } from '../../../src/webhooks/switch-webhook.ts'
import { findWebhook } from '../../../src/webhooks/webhook-store.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { claimsNow } from '../../support/feed.ts'
import { makeWebhook } from '../../support/rows.ts'
import { openDelivery, attemptResult as result } from '../../support/work-attempts.ts'

describe('claim and record', () => {
  let database: TestDatabase
  let claim: ClaimAttempt
  let claimElsewhere: ClaimAttempt
  let record: RecordAttempt
  let recordElsewhere: RecordAttempt
  let webhookId: string

  before(async () => {
    database = await createDatabase()
    claim = createClaim({ db: database.db, worker: 'one' })
    record = createRecord({ db: database.db, worker: 'one' })
    claimElsewhere = createClaim({ db: database.db, worker: 'two' })
    recordElsewhere = createRecord({ db: database.db, worker: 'two' })
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' })
    webhookId = await makeWebhook(database.db)
  })

  it('gives a number to one of many who ask for it', async () => {
    const deliveryId = await openDelivery(database.db)
    const asked = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? claim : claimElsewhere)({ deliveryId, attempt: 1 }),
    )
    const claims = await Promise.all(asked)
    assert.equal(claims.filter((claimed) => claimed !== null).length, 1)
    assert.deepEqual(await attemptStatuses(deliveryId), ['started'])
  })

  it('does not give a number that is not the next one', async () => {
    const deliveryId = await openDelivery(database.db)
    assert.equal(await claim({ deliveryId, attempt: 2 }), null)
    assert.equal(await claim({ deliveryId, attempt: 0 }), null)
    assert.equal(await claim({ deliveryId: webhookId, attempt: 1 }), null)
  })

  it('shows a claimed delivery as delivering, with its number', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    const shown = await shownDelivery(deliveryId)
    assert.deepEqual([shown.status, shown.attempt], ['delivering', 1])
    assert.equal((await listDeliveries(database.db, webhookId, { status: 'delivering', limit: 5 })).length, 1)
    assert.equal((await listDeliveries(database.db, webhookId, { status: 'pending', limit: 5 })).length, 0)
  })

  it('ends a delivery with its success and counts it', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    assert.equal(await record(result({ deliveryId, attempt: 1 })), true)
    const shown = await shownDelivery(deliveryId)
    assert.equal(shown.status, 'success')
    assert.ok(shown.delivered_at)
    assert.deepEqual(await counters(), [1, 1, 0])
    assert.equal(await openRows(), 0)
  })

  it('opens a failed attempt again after its delay and counts nothing yet', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(
      result({ deliveryId, attempt: 1, status: 'failed', retryInMs: 60_000, responseCode: 500, error: 'bad_status' }),
    )
    const shown = await shownDelivery(deliveryId)
    assert.equal(shown.status, 'retrying')
    const wait = Number(shown.next_retry_at) - Date.now()
    assert.ok(wait > 50_000 && wait <= 61_000, `${wait}`)
    assert.deepEqual(await counters(), [0, 0, 0])
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [])
  })

  it('shows until when an open delivery is held back, unless it is under way or somebody asked for it', async () => {
    const deliveryId = await openDelivery(database.db)
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
    const [health] = await database.db.query<{ probe_at: Date }>({
      text: `INSERT INTO webhook_health (webhook_id, breaker, probe_at) VALUES ($1, 'open', now() + interval '20 s')
             RETURNING probe_at`,
      values: [webhookId],
    })
    assert.deepEqual((await shownDelivery(deliveryId)).held_back_until, health?.probe_at)
    await claim({ deliveryId, attempt: 1 })
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
    await record(result({ deliveryId, attempt: 1, status: 'failed', retryInMs: 5_000 }))
    assert.deepEqual((await shownDelivery(deliveryId)).held_back_until, health?.probe_at)
    await database.db.query({ text: 'UPDATE due SET urgent = true' })
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
    await claim({ deliveryId, attempt: 2 })
    await record(result({ deliveryId, attempt: 2 }))
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
  })

  it('ends a delivery whose last attempt failed and counts that', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, status: 'failed', retryInMs: null, error: 'timeout' }))
    assert.equal((await shownDelivery(deliveryId)).status, 'failed')
    assert.deepEqual(await counters(), [1, 0, 1])
  })

  it('counts those given up in a row and remembers since when, until one gets through', async () => {
    assert.deepEqual(await failing(), { since: null, inRow: 0, gone: false })
    const first = await openDelivery(database.db)
    await endWith(first, { status: 'failed', responseCode: 500 })
    assert.deepEqual(await failing(), { since: openedAt(first), inRow: 1, gone: false })
    await endWith(await openDelivery(database.db), { status: 'failed', responseCode: null, error: 'timeout' })
    assert.deepEqual(await failing(), { since: openedAt(first), inRow: 2, gone: false })
    const early = await openDelivery(database.db)
    await endWith(await openDelivery(database.db), {})
    assert.deepEqual(await failing(), { since: null, inRow: 0, gone: false })
    await endWith(early, { status: 'failed', responseCode: 410 })
    const { since, ...rest } = await failing()
    assert.deepEqual(rest, { inRow: 1, gone: true })
    assert.ok(since && since > openedAt(early), 'not since before the success')
  })

  it('counts nothing of a test, an aborted attempt or one that goes on', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, status: 'failed', retryInMs: 0 }))
    await claim({ deliveryId, attempt: 2 })
    await record(result({ deliveryId, attempt: 2, status: 'aborted', retryInMs: 0 }))
    await database.db.query({ text: 'UPDATE due SET test = true' })
    await claim({ deliveryId, attempt: 3 })
    await record(result({ deliveryId, attempt: 3, status: 'failed', responseCode: 410 }))
    assert.deepEqual(await failing(), { since: null, inRow: 0, gone: false })
  })

  it('takes over from a worker whose lease ran out, marks its attempt unknown and charges none', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await expireLease(deliveryId)
    const taken = await claimElsewhere({ deliveryId, attempt: 2 })
    assert.equal(taken?.maxAttempts, 4)
    assert.deepEqual(await attemptStatuses(deliveryId), ['unknown', 'started'])
  })

  it('records a late finisher as superseded and lets it change nothing', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await expireLease(deliveryId)
    await claimElsewhere({ deliveryId, attempt: 2 })
    assert.equal(await record(result({ deliveryId, attempt: 1 })), false)
    assert.equal((await shownDelivery(deliveryId)).status, 'delivering')
    assert.equal(await recordElsewhere(result({ deliveryId, attempt: 2, status: 'failed', retryInMs: null })), true)
    assert.deepEqual(await attemptStatuses(deliveryId), ['superseded', 'failed'])
    assert.equal((await shownDelivery(deliveryId)).status, 'failed')
  })

  it('takes a record that is repeated, since its answer was lost, for the one it was', async () => {
    for (const outcome of [{ status: 'success' }, { status: 'failed', retryInMs: 60_000 }] as const) {
      const deliveryId = await openDelivery(database.db)
      await claim({ deliveryId, attempt: 1 })
      assert.equal(await record(result({ deliveryId, attempt: 1, ...outcome })), true)
      assert.equal(await record(result({ deliveryId, attempt: 1, ...outcome })), true)
      assert.deepEqual(await attemptStatuses(deliveryId), [outcome.status])
    }
    assert.deepEqual(await counters(), [1, 1, 0])
  })

  it('fails the claim of a delivery whose event is gone, and none of those beside it', async () => {
    const [first, second] = [await openDelivery(database.db), await openDelivery(database.db)]
    await database.db.query({
      text: 'DELETE FROM events WHERE id = (SELECT event_id FROM due WHERE delivery_id = $1)',
      values: [first],
    })
    const [lost, claimed] = await Promise.allSettled(
      [first, second].map((deliveryId) => claim({ deliveryId, attempt: 1 })),
    )
    assert.equal(lost?.status, 'rejected')
    assert.equal(claimed?.status === 'fulfilled' && claimed.value?.deliveryId, second)
  })

  it('finds nothing in days that are not there, and what stands beside it all the same', async () => {
    const deliveryId = await openDelivery(database.db)
    const strangers = ['0160f5c2-7000-7000-8000-000000000001', 'ffffffff-ffff-4fff-8fff-ffffffffffff']
    const claims = await Promise.all([deliveryId, ...strangers].map((id) => claim({ deliveryId: id, attempt: 1 })))
    assert.deepEqual(
      claims.map((claimed) => claimed?.deliveryId),
      [deliveryId, undefined, undefined],
    )
    const results = [deliveryId, ...strangers].map((id) => result({ deliveryId: id, attempt: 1 }))
    assert.deepEqual(await Promise.all(results.map(record)), [true, false, false])
  })

  it('charges nothing for an attempt that was aborted and gives the delivery back at once', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, status: 'aborted', retryInMs: 0, error: 'aborted' }))
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [{ deliveryId, attempt: 2 }])
    const again = await claim({ deliveryId, attempt: 2 })
    assert.equal(again?.maxAttempts, 4)
  })

  it('ends a delivery as poison after five attempts in a row without a known outcome', async () => {
    const deliveryId = await openDelivery(database.db)
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      assert.notEqual(await claim({ deliveryId, attempt }), null, `attempt ${attempt}`)
      await expireLease(deliveryId)
    }
    assert.equal(await claim({ deliveryId, attempt: 6 }), null)
    const shown = await shownDelivery(deliveryId)
    assert.deepEqual([shown.status, shown.error], ['failed', 'poison'])
    assert.deepEqual(await counters(), [1, 0, 1])
    assert.equal(await openRows(), 0)
  })

  it('cancels instead of claiming when the webhook was turned off or deleted meanwhile', async () => {
    const first = await openDelivery(database.db)
    await database.db.query({ text: 'UPDATE webhooks SET active = false' })
    assert.equal(await claim({ deliveryId: first, attempt: 1 }), null)
    assert.equal((await shownDelivery(first)).status, 'canceled')
    await database.db.query({ text: 'UPDATE webhooks SET active = true' })
    const second = await openDelivery(database.db)
    await database.db.query({ text: 'DELETE FROM webhooks' })
    assert.equal(await claim({ deliveryId: second, attempt: 1 }), null)
    assert.equal((await shownDelivery(second)).status, 'canceled')
    assert.equal(await openRows(), 0)
  })

  it('keeps a delivery cancelled whose attempt comes back after the webhook was turned off', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await database.db.transaction((sql) => turnOff(sql, webhookId, 'disabled by its owner'))
    assert.deepEqual(await attemptStatuses(deliveryId), ['unknown'])
    assert.equal(await record(result({ deliveryId, attempt: 1 })), false)
    assert.equal((await shownDelivery(deliveryId)).status, 'canceled')
    assert.deepEqual(await attemptStatuses(deliveryId), ['superseded'])
    assert.deepEqual(await counters(), [0, 0, 0])
  })

  it('keeps what receivers send, whatever bytes it has', async () => {
    const deliveryId = await openDelivery(database.db)
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, responseBody: Buffer.from([0, 255, 10, 0]) }))
    assert.deepEqual((await shownDelivery(deliveryId)).response_body, Buffer.from([0, 255, 10, 0]))
  })

  const opened = new Map<string, Date>()

  async function endWith(deliveryId: string, fields: Partial<Parameters<typeof result>[0]>): Promise<void> {
    const [row] = await database.db.query<{ opened_at: Date }>({
      text: 'SELECT opened_at FROM due WHERE delivery_id = $1',
      values: [deliveryId],
    })
    if (row) opened.set(deliveryId, row.opened_at)
    await claim({ deliveryId, attempt: 1 })
    assert.equal(await record(result({ deliveryId, attempt: 1, ...fields })), true)
  }

  function openedAt(deliveryId: string): Date {
    return opened.get(deliveryId) ?? assert.fail(deliveryId)
  }

  async function failing() {
    const [row] = await database.db.query<{ since: Date | null; inRow: number; gone: boolean }>({
      text: 'SELECT failing_since AS since, exhausted_in_row AS "inRow", gone FROM webhook_stats',
    })
    return row ?? assert.fail()
  }

  async function expireLease(deliveryId: string): Promise<void> {
    await database.db.query({
      text: "UPDATE due SET lease_until = now() - interval '1 second' WHERE delivery_id = $1",
      values: [deliveryId],
    })
  }

  async function shownDelivery(deliveryId: string) {
    const delivery = await findDelivery(database.db, webhookId, deliveryId)
    assert.ok(delivery)
    return delivery
  }

  async function attemptStatuses(deliveryId: string): Promise<string[]> {
    return (await listAttempts(database.db, deliveryId)).map((attempt) => attempt.status)
  }

  async function counters(): Promise<number[]> {
    const webhook = await findWebhook(database.db, { userId: 'alice', seesAll: false }, webhookId)
    assert.ok(webhook)
    return [webhook.delivery_count, webhook.success_count, webhook.failure_count]
  }

  async function openRows(): Promise<number> {
    return (await database.db.query({ text: 'SELECT 1 FROM due' })).length
  }
})
