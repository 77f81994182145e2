import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Lane } from '../../../src/deliveries/lane.ts'
import { startWatchdog, type Watchdog } from '../../../workers/watchdog.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { makeWebhook } from '../../support/rows.ts'
import { openDelivery, storeWebhook } from '../../support/work-attempts.ts'
import { describeForEachQueue } from '../../support/work-bench.ts'
import { lookIntoQueue } from '../../support/work-system.ts'

const LIMIT_MS = 120

describe('the watchdog', () => {
  let database: TestDatabase
  let watchdog: Watchdog
  let now = 0
  let stuck: Lane[] = []
  let errors = 0
  let looks = 0
  let queue: 'answers' | 'is paused' | 'is away' = 'answers'

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    ;[stuck, errors, queue] = [[], 0, 'answers']
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events, webhook_health' })
    const paused = async () => {
      looks += 1
      if (queue === 'is away') throw new Error('away')
      return queue === 'is paused'
    }
    watchdog = startWatchdog({
      db: database.db,
      queues: { quick: { paused }, slow: { paused }, alone: { paused } },
      perWebhook: 2,
      limitMs: LIMIT_MS,
      now: () => now,
      onStuck: (lane) => void stuck.push(lane),
      onError: () => void errors++,
    })
  })
  afterEach(() => watchdog.stop())

  /** So many deliveries to one webhook that have been due for a minute. */
  async function owe(count: number): Promise<void> {
    await makeWebhook(database.db)
    for (let times = 0; times < count; times += 1) await openDelivery(database.db)
    await change("due_at = now() - interval '1 minute'")
  }
  const change = (what: string) => database.db.query({ text: `UPDATE due SET ${what}` })
  /** Lets time pass, and the watchdog look several times before and after. */
  async function pass(ms: number): Promise<void> {
    await look()
    now += ms
    await look()
  }
  async function look(): Promise<void> {
    const seen = looks
    await eventually(() => looks >= seen + 8)
  }

  it('tells once that the lane of what is owed gets no job for the limit', async () => {
    await owe(1)
    await pass(LIMIT_MS - 1)
    assert.deepEqual(stuck, [])
    await pass(1)
    await pass(LIMIT_MS * 5)
    assert.deepEqual(stuck, ['quick'])
  })

  it('tells of what was fed and is not claimed', async () => {
    await owe(1)
    await change("fed_until = now() + interval '1 minute'")
    await pass(LIMIT_MS)
    assert.deepEqual(stuck, ['quick'])
  })

  it('tells of the slow lane when what is owed is in it', async () => {
    await owe(1)
    await database.db.query({
      text: "INSERT INTO webhook_health (webhook_id, lane) SELECT webhook_id, 'slow' FROM due",
    })
    await pass(LIMIT_MS)
    assert.deepEqual(stuck, ['slow'])
  })

  it('counts from the last job on', async () => {
    await owe(1)
    await pass(LIMIT_MS - 1)
    watchdog.sign('quick')
    await pass(LIMIT_MS - 1)
    assert.deepEqual(stuck, [])
    watchdog.sign('slow')
    await pass(1)
    assert.deepEqual(stuck, ['quick'])
  })

  const silence: [subject: string, arrange: () => unknown][] = [
    ['nothing is owed', () => undefined],
    ['what is owed has only just become due', () => owe(1).then(() => change("due_at = now() + interval '1 hour'"))],
    ['all that is due is being attempted', () => owe(1).then(() => change("lease_until = now() + interval '1 hour'"))],
    [
      'the rest is over the cap of its webhook',
      () =>
        owe(3).then(() =>
          database.db.query({
            text: "UPDATE due SET lease_until = now() + interval '1 hour' WHERE delivery_id IN (SELECT delivery_id FROM due LIMIT 2)",
          }),
        ),
    ],
    [
      'a breaker holds it back',
      () =>
        owe(1).then(() =>
          database.db.query({
            text: "INSERT INTO webhook_health (webhook_id, breaker, probe_at) SELECT webhook_id, 'open', now() + interval '1 hour' FROM due",
          }),
        ),
    ],
    [
      'a person has paused the queue',
      () => {
        queue = 'is paused'
        return owe(1)
      },
    ],
    [
      'the queue’s store is away',
      () => {
        queue = 'is away'
        return owe(1)
      },
    ],
  ]
  for (const [subject, arrange] of silence) {
    it(`keeps silent when ${subject}`, async () => {
      await arrange()
      await pass(LIMIT_MS * 10)
      await pass(LIMIT_MS * 10)
      assert.deepEqual(stuck, [])
    })
  }

  it('counts anew when a store was away meanwhile', async () => {
    await owe(1)
    await pass(LIMIT_MS - 1)
    queue = 'is away'
    await pass(LIMIT_MS)
    queue = 'answers'
    await pass(LIMIT_MS - 1)
    assert.deepEqual(stuck, [])
    assert.ok(errors > 0)
    await pass(1)
    assert.deepEqual(stuck, ['quick'])
  })
})

describeForEachQueue(
  'a process without a supervisor',
  (bench) => {
    it('starts its worker part anew when the queue has stopped to hand out jobs', async () => {
      const receiver = await bench.newReceiver()
      const system = await bench.start({ WATCHDOG_SECONDS: '1', DELIVERY_TIMEOUT_MS: '900' })
      await storeWebhook(bench.database().db, { url: receiver.url })
      const jobsOf = () => lookIntoQueue(system, (queue) => queue.getWaitingCount())
      await lookIntoQueue(system, (queue) => queue.setGlobalRateLimit(1, 3_600_000))
      await system.publish(3)
      await eventually(async () => receiver.received.length === 1 && (await jobsOf()) === 2)
      // From here on the workers that run now wait for the end of the hour, and only new ones see that there is no limit.
      await lookIntoQueue(system, async (queue) => {
        await queue.removeGlobalRateLimit()
        await queue.removeRateLimitKey()
      })
      await setTimeout(500)
      assert.equal(receiver.received.length, 1)
      await bench.database().db.query({ text: "UPDATE due SET due_at = now() - interval '1 minute'" })
      await bench.settled()
      assert.equal(receiver.received.length, 3)
    })
  },
  ['Redis'],
)
