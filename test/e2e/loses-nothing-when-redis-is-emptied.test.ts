import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { count, readDatabase } from '../support/database-ledger.ts'
import { eventually } from '../support/eventually.ts'
import { type Arrival, compareLedgers, type Promised } from '../support/ledgers.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { type Received, startTestReceiver, type TestReceiver } from '../support/receiver.ts'

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
      respond: (_request, count) => ({ status: refuses(count) ? 503 : 200, delayMs: 20 }),
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
      events: ['alert_triggered'],
      secret: SECRET,
    })
    const acknowledged: Promised[] = []
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
    await eventually(async () => (await count(system.database.db, 'due')) === 0, { timeoutMs: 180_000, everyMs: 200 })

    assert.equal(acknowledged.length, EVENTS)
    assert.equal(faults.length, FLUSHES)
    const { losses, duplicates } = compareLedgers({
      producer: acknowledged,
      receiver: receiver.received.map(toArrival),
      database: await readDatabase(system.database.db),
      faults: faults.map(() => ({ at: Date.now(), what: 'flushed', kills: 0 })),
      concurrency: 0,
      webhooks: [webhook.id],
    })
    assert.equal(duplicates, 0)
    assert.deepEqual(losses.slice(0, 10), [])
  })

  async function produce(producer: string, acknowledged: Promised[]): Promise<void> {
    for (let sent = 0; sent < EVENTS; sent += IN_A_BATCH) {
      const submissions = Array.from({ length: IN_A_BATCH }, (_, index) => `m-${sent + index}`)
      const batch = submissions.map((message) => ({
        event_type: 'alert_triggered',
        data: { symbol: 'AAPL', message },
      }))
      const { events } = await system.call<{ events: { event_id: string }[] }>(
        ...(['POST', '/api/v1/events/batch', producer, batch] as const),
      )
      for (const [index, submission] of submissions.entries()) {
        acknowledged.push({ submission, event: events[index]?.event_id ?? '' })
      }
    }
  }
})

function toArrival({ headers, body, at }: Received, index: number): Arrival {
  const signature = `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`
  return {
    at: at.getTime(),
    delivery: String(headers['x-webhook-delivery']),
    attempt: Number(headers['x-webhook-attempt']),
    verified: headers['x-webhook-signature'] === signature,
    status: refuses(index + 1) ? 503 : 200,
  }
}

/** One request in fifty, by their order. */
function refuses(count: number): boolean {
  return count % 50 === 0
}
