import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Database } from '../../../src/db/database.ts'
import { createClaim } from '../../../src/deliveries/claim.ts'
import { createRecord } from '../../../src/deliveries/record.ts'
import { createDeliveryWatch, type DeliveryWatch } from '../../../src/sockets/delivery-watch.ts'
import type { Subscriber } from '../../../src/sockets/subscriber.ts'
import { createMemoryWatchedAttempts } from '../../../src/streams/watched-attempts.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { makeWebhook } from '../../support/rows.ts'
import { principal } from '../../support/stream-server.ts'
import { attemptResult, openDelivery } from '../../support/work-attempts.ts'

describe('the limits of watching attempts', () => {
  let database: TestDatabase
  let db: Database
  let webhookId: string
  let watch: DeliveryWatch
  let attempts: ReturnType<typeof createMemoryWatchedAttempts>
  let made: { webhookId: string; deliveryId: string; attempt: number }
  const errors: unknown[] = []

  before(async () => {
    database = await createDatabase()
    db = database.db
    webhookId = await makeWebhook(db)
    const deliveryId = await openDelivery(db)
    await createClaim({ db, worker: 'one' })({ deliveryId, attempt: 1 })
    await createRecord({ db, worker: 'one' })(attemptResult({ deliveryId, attempt: 1 }))
    made = { webhookId, deliveryId, attempt: 1 }
  })
  after(() => database.drop())
  beforeEach(() => {
    errors.length = 0
    attempts = createMemoryWatchedAttempts()
    watch = createDeliveryWatch({ db, attempts, onError: (error) => errors.push(error) })
  })
  afterEach(() => watch.stop())

  it('leave out what a slow socket cannot take, and tell it how many when it has read on', async () => {
    const slow = socket('alice')
    const quick = socket('alice')
    for (const one of [slow, quick]) assert.equal(await watch.begin(one.subscriber, ofWebhook()), null)
    slow.waiting = 2 * 1024 * 1024
    for (let times = 0; times < 3; times += 1) attempts.made(made)
    await eventually(() => quick.sent.length === 3)
    assert.deepEqual(slow.sent, [])
    slow.waiting = 0
    attempts.made(made)
    await eventually(() => slow.sent.length === 2)
    assert.deepEqual(slow.sent[0], { type: 'gap', channel: 'deliveries', missed: 3 })
    assert.equal(slow.sent[1]?.['type'], 'delivery_attempt')
  })

  it('bound what waits to be read from the log, and tell how many were left out', async () => {
    const { subscriber, sent } = socket('alice')
    await watch.begin(subscriber, ofWebhook())
    for (let times = 0; times < 1_100; times += 1) attempts.made(made)
    const told = () => sent.reduce((sum, frame) => sum + (frame['type'] === 'gap' ? Number(frame['missed']) : 1), 0)
    await eventually(() => told() === 1_100, { timeoutMs: 30_000 })
    assert.ok(sent.filter((frame) => frame['type'] === 'delivery_attempt').length <= 1_001)
    assert.deepEqual(errors, [])
  })

  it('take a socket so many webhooks at most', async () => {
    const { subscriber } = socket('alice')
    for (let count = 0; count < 100; count += 1) {
      assert.equal(await watch.begin(subscriber, { webhookId: await makeWebhook(db), withRequest: false }), null)
    }
    assert.equal((await watch.begin(subscriber, ofWebhook()))?.code, 'too_many_subscriptions')
  })

  it('end an admin’s watch of another’s webhook when a newer token does not say admin any more', async () => {
    const { subscriber, sent } = socket('root', 'admin')
    await watch.begin(subscriber, ofWebhook())
    attempts.made(made)
    await eventually(() => sent.length === 1)
    subscriber.principal = principal('root')
    await eventually(
      async () => {
        const before = sent.length
        attempts.made(made)
        await setTimeout(100)
        assert.equal(sent.length, before)
      },
      { timeoutMs: 30_000, everyMs: 500 },
    )
    assert.equal(watch.end(subscriber, webhookId), false)
  })

  function ofWebhook() {
    return { webhookId, withRequest: false }
  }

  /** As much of a socket as a watch touches. */
  function socket(userId: string, role: 'user' | 'admin' = 'user') {
    const sent: Record<string, unknown>[] = []
    const fake = {
      waiting: 0,
      sent,
      subscriber: {
        principal: principal(userId, { role }),
        state: 'open',
        socket: { getBufferedAmount: () => fake.waiting },
        send: (frame: Record<string, unknown>) => void sent.push(frame),
      } as unknown as Subscriber,
    }
    return fake
  }
})
