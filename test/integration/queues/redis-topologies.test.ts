import assert from 'node:assert/strict'
import { PREFIX } from '../../../src/queues/store.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { startCluster, startSentinel, type Topology } from '../../support/redis-topology.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

/** The master is missed after a second or two, and BullMQ's workers find the other within a few more. */
const TAKEN_OVER = { timeoutMs: 60_000 }
const EVENTS = 30

const TOPOLOGIES = [
  { name: 'a master that Sentinels name', start: startSentinel },
  { name: 'a cluster', start: () => startCluster(`${PREFIX}:any`) },
]

for (const { name, start } of TOPOLOGIES) {
  describe(`deliveries over ${name}`, function () {
    this.timeout(150_000)
    let topology: Topology
    let system: WebSystem
    let receiver: TestReceiver

    before(async () => {
      topology = await start()
      receiver = await startTestReceiver()
      system = await startWebSystem({ REDIS_URL: topology.url }, { work: true })
      const body = { url: receiver.url, events: ['model_trained'] }
      const created = await system.call('POST', '/api/v1/webhooks', { token: system.token('alice'), body })
      assert.equal(created.status, 201)
    })
    after(async () => {
      await system?.stop()
      await receiver.close()
      await topology.stop()
    })

    async function publish(from: number): Promise<void> {
      const token = system.token('models', 'producer')
      const events = Array.from({ length: EVENTS }, (_, n) => ({
        event_type: 'model_trained',
        data: { model_id: `m${from + n}`, model_type: 'lstm' },
      }))
      const { status, text } = await system.call('POST', '/api/v1/events/batch', { token, body: events })
      assert.equal(status, 202, text)
    }

    const arrived = () => new Set(receiver.received.map(({ body }) => JSON.parse(body).data.model_id)).size

    it('arrive', async () => {
      await publish(0)
      await eventually(() => assert.equal(arrived(), EVENTS), TAKEN_OVER)
      assert.equal((await system.call('GET', '/health/ready')).status, 200)
    })

    it('go on when the master of the queue dies with the jobs that its replica lacks', async () => {
      await topology.stopReplication(`${PREFIX}:deliveries:meta`)
      await publish(EVENTS)
      await topology.failOver()
      await publish(2 * EVENTS)
      await eventually(() => assert.equal(arrived(), 3 * EVENTS), TAKEN_OVER)
      await eventually(async () => assert.equal((await system.call('GET', '/health/ready')).status, 200), TAKEN_OVER)
    })
  })
}
