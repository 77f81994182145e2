import assert from 'node:assert/strict'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

/** More than a recovery opens before the first are delivered, so it cannot be over when its worker is killed. */
const EVENTS = 1_500

describe('a recovery whose worker is killed half-way', function () {
  this.timeout(240_000)

  let system: ProcfileSystem
  let receiver: TestReceiver
  before(async () => {
    receiver = await startTestReceiver()
    system = await startProcfileSystem({ workers: 1, settings: { DELIVERY_PER_WEBHOOK: '100' } })
  })
  after(async () => {
    await system?.stop()
    await receiver?.close()
  })

  it('is finished by another worker, with one delivery of each missed event', async () => {
    const { db } = system.database
    const user = system.token('alice', 'user')
    const webhook = await system.call<{ id: string }>('POST', '/api/v1/webhooks', user, {
      ...{ url: `${receiver.url}/hook`, events: ['*'], active: false },
    })
    const producer = system.token('model', 'producer')
    const missed: string[] = []
    while (missed.length < EVENTS) {
      const batch = Array.from({ length: 500 }, () => ({ event_type: 'system_error', data: { message: 'm' } }))
      const { events } = await system.call<{ events: { event_id: string }[] }>(
        ...(['POST', '/api/v1/events/batch', producer, batch] as const),
      )
      missed.push(...events.map((event) => event.event_id))
    }
    await system.call('PATCH', `/api/v1/webhooks/${webhook.id}`, user, { active: true })
    const since = new Date(Date.now() - 3_600_000).toISOString()
    const wanted = { since, status: 'missing' }
    const { id } = await system.call<{ id: string }>('POST', `/api/v1/webhooks/${webhook.id}/recover`, user, wanted)
    const shown = () => system.call<Shown>('GET', `/api/v1/recoveries/${id}`, user)

    await eventually(async () => assert.ok((await shown()).recovered > 0), { timeoutMs: 60_000 })
    await system.workers[0]?.kill('SIGKILL')
    const atTheKill = await shown()
    assert.equal(atTheKill.status, 'running')
    assert.ok(atTheKill.recovered < EVENTS, `${atTheKill.recovered}`)
    await system.startWorker()
    const over = await eventually(
      async () => {
        const now = await shown()
        assert.equal(now.status, 'completed')
        return now
      },
      { timeoutMs: 120_000 },
    )
    assert.deepEqual([over.recovered, over.skipped], [EVENTS, 0])

    const nothingIsDue = async () => (await db.query({ text: 'SELECT 1 FROM due LIMIT 1' })).length === 0
    await eventually(nothingIsDue, { timeoutMs: 120_000, everyMs: 100 })
    const delivered = await db.query<{ event: string; deliveries: number; successes: number }>({
      text: `SELECT 'evt_' || event_id AS event, count(*) AS deliveries, count(*) FILTER (WHERE status = 'success') AS successes
             FROM deliveries GROUP BY event_id ORDER BY event_id`,
    })
    assert.deepEqual(
      delivered,
      missed.sort().map((event) => ({ event, deliveries: 1, successes: 1 })),
    )
    const arrived = new Set(receiver.received.map(({ headers }) => headers['idempotency-key']))
    assert.equal(arrived.size, EVENTS)
  })
})

interface Shown {
  status: string
  recovered: number
  skipped: number
}
