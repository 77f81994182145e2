import assert from 'node:assert/strict'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

describe('a worker whose queue has stopped to hand out jobs', function () {
  this.timeout(180_000)
  let system: ProcfileSystem
  let receiver: TestReceiver
  let redis: Redis
  let queue: Queue
  before(async () => {
    receiver = await startTestReceiver()
    system = await startProcfileSystem({
      workers: 0,
      settings: { WATCHDOG_SECONDS: '2', DELIVERY_TIMEOUT_MS: '1000', SHUTDOWN_SECONDS: '2' },
    })
    redis = new Redis(system.redis.url, { maxRetriesPerRequest: null })
    queue = new Queue('deliveries', { connection: redis, prefix: '{ara}' })
  })
  after(async () => {
    await queue?.close()
    redis?.disconnect()
    await system?.stop()
    await receiver?.close()
  })

  it('ends with exit code 1 for its supervisor, and the next one delivers what was left', async () => {
    const token = system.token('root', 'admin')
    await queue.setGlobalRateLimit(1, 3_600_000)
    const stuck = await system.startWorker()
    await system.call('POST', '/api/v1/webhooks', token, { url: receiver.url, events: ['system_error'] })
    const event = { event_type: 'system_error', data: { message: 'm' } }
    for (let times = 0; times < 3; times += 1) await system.call('POST', '/api/v1/events', token, event)
    await eventually(async () => receiver.received.length === 1 && (await queue.getWaitingCount()) === 2, {
      timeoutMs: 60_000,
    })
    // This worker waits for the end of the hour all the same.
    await queue.removeGlobalRateLimit()
    await queue.removeRateLimitKey()
    await system.database.db.query({ text: "UPDATE due SET due_at = now() - interval '1 minute'" })

    assert.equal(await stuck.ended(), 1, stuck.output())
    assert.match(stuck.output(), /"lane":"quick".*"watchdog\.stuck"/)
    assert.match(stuck.output(), /The queue of the quick lane has stopped to hand out jobs/)
    await system.startWorker()
    await eventually(() => receiver.received.length === 3, { timeoutMs: 60_000 })
  })
})
