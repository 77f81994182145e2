import assert from 'node:assert/strict'
import { returnFed } from '../../../src/deliveries/feed.ts'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { claimsNow } from '../../support/feed.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'

describe('taking what is due', () => {
  let database: TestDatabase

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events' })
  })

  it('takes each delivery once, with the number of its next attempt', async () => {
    await makeWebhook(database.db)
    await insertEvents(database.db, [newEvent(), newEvent()])
    const taken = await claimsNow(database.db, { perWebhook: 10, most: 10 })
    assert.deepEqual(
      taken.map((claim) => claim.attempt),
      [1, 1],
    )
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [])
  })

  it('takes of one webhook no more than its cap, counting what it has in flight, and of the others all the same', async () => {
    const busy = await makeWebhook(database.db, { symbols: ['AAPL'] })
    const other = await makeWebhook(database.db, { symbols: ['MSFT'] })
    await insertEvents(
      database.db,
      Array.from({ length: 30 }, () => newEvent()),
    )
    await insertEvents(database.db, [newEvent({ symbol: 'MSFT' })])
    await claimsNow(database.db, { perWebhook: 5, most: 100 })
    assert.deepEqual(await fed(), { [busy]: 5, [other]: 1 })
    await claimsNow(database.db, { perWebhook: 5, most: 100 })
    assert.deepEqual(await fed(), { [busy]: 5, [other]: 1 })
  })

  it('takes the oldest first when there is room for some only', async () => {
    await makeWebhook(database.db)
    await insertEvents(database.db, [newEvent(), newEvent(), newEvent()])
    await database.db.query({
      text: `UPDATE due SET due_at = now() - interval '1 hour' WHERE delivery_id = (SELECT max(delivery_id::text)::uuid FROM due)`,
    })
    const [oldest] = await claimsNow(database.db, { perWebhook: 10, most: 1 })
    const [row] = await database.db.query<{ id: string }>({ text: 'SELECT max(delivery_id::text) AS id FROM due' })
    assert.equal(oldest?.deliveryId, row?.id)
  })

  it('leaves what is not due, what is leased and what was fed just now, and takes it when that is over', async () => {
    await makeWebhook(database.db)
    await insertEvents(database.db, [newEvent(), newEvent(), newEvent()])
    await database.db.query({
      text: `UPDATE due SET due_at = CASE place WHEN 1 THEN now() + interval '1 minute' ELSE due_at END,
               lease_until = CASE place WHEN 2 THEN now() + interval '1 minute' END,
               fed_until = CASE place WHEN 3 THEN now() + interval '1 minute' END
             FROM (SELECT delivery_id AS id, row_number() OVER () AS place FROM due) AS numbered WHERE id = delivery_id`,
    })
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), [])
    await database.db.query({
      text: "UPDATE due SET due_at = now(), lease_until = lease_until - interval '2 minutes', fed_until = fed_until - interval '2 minutes'",
    })
    assert.equal((await claimsNow(database.db, { perWebhook: 10, most: 10 })).length, 3)
  })

  it('takes at once what could not be put into the queue', async () => {
    await makeWebhook(database.db)
    await insertEvents(database.db, [newEvent()])
    const taken = await claimsNow(database.db, { perWebhook: 10, most: 10 })
    await returnFed(database.db, taken)
    assert.deepEqual(await claimsNow(database.db, { perWebhook: 10, most: 10 }), taken)
  })

  it('never gives one row to two feeders', async () => {
    await makeWebhook(database.db)
    await insertEvents(
      database.db,
      Array.from({ length: 200 }, () => newEvent()),
    )
    const rounds = await Promise.all(
      Array.from({ length: 8 }, () => claimsNow(database.db, { perWebhook: 200, most: 200 })),
    )
    const ids = rounds.flat().map((claim) => claim.deliveryId)
    assert.equal(new Set(ids).size, ids.length)
  })

  async function fed(): Promise<Record<string, number>> {
    const rows = await database.db.query<{ webhook_id: string; count: number }>({
      text: 'SELECT webhook_id, count(*) FROM due WHERE fed_until > now() GROUP BY webhook_id',
    })
    return Object.fromEntries(rows.map((row) => [row.webhook_id, row.count]))
  }
})
