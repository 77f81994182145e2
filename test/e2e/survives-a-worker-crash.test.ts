import assert from 'node:assert/strict'
import { eventually } from '../support/eventually.ts'
import { findLosses, readArrivals, readDatabase } from '../support/ledgers.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

const SECRET = 'a-secret-of-these-tests'
const CONCURRENCY = 20

describe('a worker that is killed in the middle of a request', function () {
  this.timeout(180_000)

  let system: ProcfileSystem
  let receiver: TestReceiver
  before(async () => {
    system = await startProcfileSystem({ workers: 1, settings: { DELIVERY_CONCURRENCY: String(CONCURRENCY) } })
  })
  after(async () => {
    await receiver?.close()
    await system?.stop()
  })

  it('is replaced by another within 15 seconds, without a loss and with every attempt logged', async () => {
    let stuck = true
    receiver = await startTestReceiver({ respond: () => (stuck ? 'hang' : { status: 200 }) })
    const user = system.token('alice', 'user')
    const producer = system.token('model', 'producer')
    const webhook = await system.call<{ id: string }>('POST', '/api/v1/webhooks', user, {
      url: `${receiver.url}/hook`,
      events: ['*'],
      secret: SECRET,
    })
    const acknowledged: string[] = []
    for (let index = 0; index < 40; index += 1) {
      const data = { model_id: `m-${index}`, model_type: 'lstm' }
      const event = { event_type: 'model_trained', data }
      acknowledged.push((await system.call<{ event_id: string }>('POST', '/api/v1/events', producer, event)).event_id)
    }
    await eventually(() => receiver.received.length >= CONCURRENCY, { timeoutMs: 20_000 })
    const cut = receiver.received.length
    await system.startWorker()
    await system.workers[0]?.kill('SIGKILL')
    const killedAt = performance.now()
    stuck = false

    const open = async () => (await readDatabase(system.database.db)).open
    await eventually(async () => (await open()) === 0, { timeoutMs: 60_000, everyMs: 100 })
    const seconds = (performance.now() - killedAt) / 1000
    const arrivals = readArrivals(receiver.received, SECRET, (index) => (index < cut ? 0 : 200))
    const losses = findLosses({
      acknowledged,
      arrivals: arrivals.map((arrival) => ({ ...arrival, status: arrival.status === 0 ? 599 : arrival.status })),
      database: await readDatabase(system.database.db),
      duplicatesAllowed: 0,
      webhooks: [webhook.id],
    })
    assert.deepEqual(losses, [])
    assert.ok(seconds <= 15, `It took ${seconds.toFixed(1)} s`)
  })
})
