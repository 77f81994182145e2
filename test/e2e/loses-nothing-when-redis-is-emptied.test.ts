import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { eventually } from '../support/eventually.ts'
import { findLosses, readArrivals, readDatabase } from '../support/ledgers.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

const SECRET = 'a-secret-of-these-tests'
const EVENTS = 5_000
const IN_A_BATCH = 100
const KEYS = '{ara}:deliveries'
const FLUSHES = 3
const SETTINGS = {
  DELIVERY_CONCURRENCY: '10',
  DELIVERY_PER_WEBHOOK: '200',
  DELIVERY_RETRY_BASE_MS: '500',
  DELIVERY_RETRY_CAP_MS: '2000',
}

describe('a Redis that is emptied while events pour in', function () {
  this.timeout(300_000)

  let system: ProcfileSystem
  let receiver: TestReceiver
  let queue: Redis
  before(async () => {
    // Few at a time and slow, so that jobs are active and waiting whenever the Redis is emptied.
    system = await startProcfileSystem({ workers: 2, settings: SETTINGS })
    queue = new Redis(system.redis.url)
    queue.on('error', () => undefined)
    receiver = await startTestReceiver({
      respond: (_request, count) => ({ status: count % 50 === 0 ? 503 : 200, delayMs: 20 }),
    })
  })
  after(async () => {
    queue?.disconnect()
    await receiver?.close()
    await system?.stop()
  })

  it(`loses none of ${EVENTS} events when it is emptied ${FLUSHES} times, and sends none twice`, async () => {
    const user = system.token('alice', 'user')
    const producer = system.token('model', 'producer')
    const webhook = await system.call<{ id: string }>('POST', '/api/v1/webhooks', user, {
      url: `${receiver.url}/hook`,
      events: ['model_trained'],
      secret: SECRET,
    })
    const acknowledged: string[] = []
    const faults: { active: number; waiting: number }[] = []
    const producing = produce(producer, acknowledged)
    for (let flush = 1; flush <= FLUSHES; flush += 1) {
      const share = (EVENTS * flush) / (FLUSHES + 1)
      const fault = await eventually(
        async () => {
          const [active, waiting] = await Promise.all([queue.llen(`${KEYS}:active`), queue.llen(`${KEYS}:wait`)])
          return receiver.received.length >= share * 0.8 && active > 0 && waiting > 0 && { active, waiting }
        },
        { timeoutMs: 120_000, everyMs: 5 },
      )
      if (fault) faults.push(fault)
      await system.redis.flushAll()
      await setTimeout(200)
    }
    await producing
    await eventually(async () => (await openDeliveries()) === 0, { timeoutMs: 180_000, everyMs: 200 })

    assert.equal(acknowledged.length, EVENTS)
    assert.equal(faults.length, FLUSHES)
    const losses = findLosses({
      acknowledged,
      arrivals: readArrivals(receiver.received, SECRET, (index) => ((index + 1) % 50 === 0 ? 503 : 200)),
      database: await readDatabase(system.database.db),
      duplicatesAllowed: 0,
      webhooks: [webhook.id],
    })
    assert.deepEqual(losses.slice(0, 10), [])
  })

  async function produce(producer: string, acknowledged: string[]): Promise<void> {
    for (let sent = 0; sent < EVENTS; sent += IN_A_BATCH) {
      const batch = Array.from({ length: IN_A_BATCH }, (_, index) => ({
        event_type: 'model_trained',
        data: { model_id: `m-${sent + index}`, model_type: 'lstm' },
      }))
      const answer = await system.call<{ events: { event_id: string }[] }>(
        'POST',
        '/api/v1/events/batch',
        producer,
        batch,
      )
      acknowledged.push(...answer.events.map(({ event_id }) => event_id))
    }
  }

  async function openDeliveries(): Promise<number> {
    const [row] = await system.database.db.query<{ open: number }>({ text: 'SELECT count(*) AS open FROM due' })
    return row?.open ?? 0
  }
})
