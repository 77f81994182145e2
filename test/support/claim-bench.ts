import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { type ClaimAttempt, createClaim } from '../../src/deliveries/claim.ts'
import { findDelivery, listAttempts } from '../../src/deliveries/delivery-log.ts'
import { createRecord, type RecordAttempt } from '../../src/deliveries/record.ts'
import { findWebhook } from '../../src/webhooks/webhook-store.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { makeWebhook } from './rows.ts'

/** What a suite of claims and records stands on: a database and two workers, `elsewhere` being the other one. */
export interface ClaimBench {
  db(): Database
  /** Of the only webhook. */
  webhookId(): string
  claim: ClaimAttempt
  claimElsewhere: ClaimAttempt
  record: RecordAttempt
  recordElsewhere: RecordAttempt
  expireLease(deliveryId: string): Promise<void>
  shownDelivery(deliveryId: string): Promise<NonNullable<Awaited<ReturnType<typeof findDelivery>>>>
  attemptStatuses(deliveryId: string): Promise<string[]>
  /** Deliveries, successes and failures of the webhook. */
  counters(): Promise<number[]>
  openRows(): Promise<number>
}

/** Each test begins with one webhook and nothing owed to it. */
export function openClaimBench(): ClaimBench {
  let database: TestDatabase
  let workers: { claim: ClaimAttempt; record: RecordAttempt }[]
  let webhookId: string

  before(async () => {
    database = await createDatabase()
    const { db } = database
    workers = ['one', 'two'].map((worker) => ({
      claim: createClaim({ db, worker }),
      record: createRecord({ db, worker }),
    }))
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' })
    webhookId = await makeWebhook(database.db)
  })

  const worker = (place: number) => workers[place] ?? assert.fail('no worker')
  return {
    db: () => database.db,
    webhookId: () => webhookId,
    claim: (wanted) => worker(0).claim(wanted),
    claimElsewhere: (wanted) => worker(1).claim(wanted),
    record: (result) => worker(0).record(result),
    recordElsewhere: (result) => worker(1).record(result),
    async expireLease(deliveryId) {
      await database.db.query({
        text: "UPDATE due SET lease_until = now() - interval '1 second' WHERE delivery_id = $1",
        values: [deliveryId],
      })
    },
    async shownDelivery(deliveryId) {
      const delivery = await findDelivery(database.db, webhookId, deliveryId)
      assert.ok(delivery)
      return delivery
    },
    async attemptStatuses(deliveryId) {
      return (await listAttempts(database.db, deliveryId)).map((attempt) => attempt.status)
    },
    async counters() {
      const webhook = await findWebhook(database.db, { userId: 'alice', seesAll: false }, webhookId)
      assert.ok(webhook)
      return [webhook.delivery_count, webhook.success_count, webhook.failure_count]
    },
    async openRows() {
      return (await database.db.query({ text: 'SELECT 1 FROM due' })).length
    },
  }
}
