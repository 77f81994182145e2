import assert from 'node:assert/strict'
import { cancelOpenDeliveries } from '../../../src/deliveries/cancel-deliveries.ts'
import { createClaim } from '../../../src/deliveries/claim.ts'
import { createLeases } from '../../../src/deliveries/leases.ts'
import { createRecord } from '../../../src/deliveries/record.ts'
import { retryDelivery } from '../../../src/deliveries/retry-delivery.ts'
import { ApiError } from '../../../src/errors.ts'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { claimsNow } from '../../support/feed.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'
import { attemptResult } from '../../support/work-attempts.ts'

describe('the locks of open work', () => {
  let database: TestDatabase

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())

  it('let records, renewals, feeders, retries and cancellations run at once without a deadlock', async () => {
    const { db } = database
    const webhookId = await makeWebhook(db, { max_attempts: 20 })
    const [claim, record, leases] = [
      createClaim({ db, worker: 'one' }),
      createRecord({ db, worker: 'one' }),
      createLeases({ db, worker: 'one' }),
    ]
    const events = Array.from({ length: 200 }, () => newEvent())
    await insertEvents(db, events)
    const ids = (await db.query<{ delivery_id: string }>({ text: 'SELECT delivery_id FROM due' })).map(
      (row) => row.delivery_id,
    )
    for (const id of ids) leases.hold(id)
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      // Another order of the rows in the table and in the index each time.
      await db.query({ text: "UPDATE due SET due_at = now() - random() * interval '1 hour'" })
      await Promise.all(ids.map((deliveryId) => claim({ deliveryId, attempt })))
      const retries = ids.slice(0, 20).map((deliveryId) =>
        db
          .transaction((sql) => retryDelivery(sql, { id: webhookId, active: true }, deliveryId))
          .catch((error) => {
            if (!(error instanceof ApiError && error.status === 409)) throw error
          }),
      )
      await Promise.all([
        ...ids.map((deliveryId) => record(attemptResult({ deliveryId, attempt, status: 'failed', retryInMs: 0 }))),
        ...[1, 2, 3].map(() => leases.renew()),
        ...[1, 2, 3].map(() => claimsNow(db, { perWebhook: 50, most: 50 })),
        ...retries,
        ...(attempt === 10 ? [1, 2, 3].map(() => db.transaction((sql) => cancelOpenDeliveries(sql, webhookId))) : []),
      ])
    }
    const [stats] = await db.query<{ deadlocks: number }>({
      text: 'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    })
    assert.equal(stats?.deadlocks, 0)
  })
})
