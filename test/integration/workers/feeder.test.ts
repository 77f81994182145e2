import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { AttemptJob } from '../../../src/queues/delivery-queue.ts'
import { startFeeder } from '../../../workers/feeder.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { makeWebhook } from '../../support/rows.ts'
import { openDelivery } from '../../support/work-attempts.ts'

describe('the feeder', () => {
  let database: TestDatabase

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(() => database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events' }))

  it('fills a full queue only when woken, which whoever takes from it does', async () => {
    await makeWebhook(database.db)
    for (let deliveries = 0; deliveries < 12; deliveries += 1) await openDelivery(database.db)
    const fed: AttemptJob[] = []
    const feeder = feed({ perWebhook: 20, waiting: 1_995, add: (jobs) => void fed.push(...jobs) })
    try {
      await eventually(() => fed.length > 0)
      await setTimeout(300)
      assert.equal(fed.length, 5)
      feeder.wake()
      await eventually(() => fed.length === 10)
    } finally {
      await feeder.stop()
    }
  })

  it('asks a queue that is away once a second, however often it is woken, and feeds everything when it is back', async () => {
    await makeWebhook(database.db)
    const ids = await Promise.all(Array.from({ length: 5 }, () => openDelivery(database.db)))
    const fed: AttemptJob[] = []
    let asked = 0
    let away = true
    const add = (jobs: readonly AttemptJob[]) => {
      asked += 1
      if (away) throw new Error('away')
      fed.push(...jobs)
    }
    const feeder = feed({ perWebhook: 3, waiting: 0, add })
    const waking = setInterval(() => feeder.wake(), 1)
    try {
      await setTimeout(1_500)
      assert.ok(asked >= 1 && asked <= 2, `${asked}`)
      away = false
      await eventually(() => fed.length === 3)
      await database.db.query({ text: 'DELETE FROM due WHERE fed_until IS NOT NULL' })
      await eventually(() => fed.length === 5)
      assert.deepEqual(fed.map((job) => job.delivery_id).sort(), ids.sort())
      assert.ok(fed.every((job) => job.attempt === 1))
    } finally {
      clearInterval(waking)
      await feeder.stop()
    }
  })

  function feed({ perWebhook, waiting, add }: Fed) {
    return startFeeder({
      db: database.db,
      queues: {
        slow: { waiting: async () => 0, add: async () => assert.fail('Nothing is slow') },
        alone: { waiting: async () => 0, add: async () => assert.fail('Nothing is suspect') },
        quick: { waiting: async () => waiting, add: async (jobs) => add(jobs) },
      },
      limits: { perWebhook, perUser: 0, probeEveryMs: 30_000 },
      anySlow: () => false,
      metrics: { fed: () => undefined, refed: () => undefined, waiting: () => undefined },
      onError: () => undefined,
    })
  }
})

interface Fed {
  perWebhook: number
  waiting: number
  add: (jobs: readonly AttemptJob[]) => void
}
