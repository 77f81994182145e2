import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { listHealth } from '../../../src/deliveries/health-store.ts'
import { eventually } from '../../support/eventually.ts'
import { storeWebhook } from '../../support/work-attempts.ts'
import { assertNoDuplicates, describeForEachQueue } from '../../support/work-bench.ts'

describeForEachQueue('the slow lane', (bench) => {
  it('delivers to the others while receivers that hang could take every place, and gets those a lane of their own', async () => {
    let hangs = true
    const hanging = await bench.newReceiver(() => (hangs ? 'hang' : { status: 200 }))
    const quick = await bench.newReceiver()
    const system = await bench.start({
      ...{ DELIVERY_CONCURRENCY: '8', DELIVERY_PER_WEBHOOK: '12', DELIVERY_RETRY_BASE_MS: '20' },
      ...{
        DELIVERY_SLOW_MS: '300',
        DELIVERY_SLOW_CONCURRENCY: '40',
        DELIVERY_TIMEOUT_MS: '4000',
        BREAKER_PROBE_SECONDS: '1',
      },
    })
    const hangingIds: string[] = []
    for (let count = 0; count < 3; count += 1)
      hangingIds.push(await storeWebhook(bench.database().db, { url: hanging.url, symbols: ['HANG'], maxAttempts: 20 }))
    await storeWebhook(bench.database().db, { url: quick.url, symbols: ['QUICK'] })
    await system.publish(30, 'HANG')
    await eventually(() => hanging.received.length >= 8)
    await system.publish(20, 'QUICK')
    await eventually(() => quick.received.length === 20)
    await eventually(async () => {
      const slow = (await listHealth(bench.database().db)).filter(({ lane }) => lane === 'slow')
      const ids = new Set(slow.map(({ webhook_id }) => webhook_id))
      assert.ok(hangingIds.every((id) => ids.has(id)))
    })
    hangs = false
    await bench.settled(60_000)
    assert.deepEqual(await bench.outcomes(), { success: 110 })
    assertNoDuplicates(quick)
  })
})

describeForEachQueue(
  'the breaker over two workers',
  (bench) => {
    it('stops sending to a receiver that fails, tries once in a while, and comes back step by step within the cap', async () => {
      let down = true
      let open = 0
      const most: number[] = []
      const receiver = await bench.newReceiver(() => {
        if (down) return { status: 503 }
        most.push(++open)
        setTimeout(60).then(() => open--)
        return { status: 200, delayMs: 60 }
      })
      const settings = {
        ...{ DELIVERY_PER_WEBHOOK: '8', DELIVERY_RETRY_BASE_MS: '10', DELIVERY_RETRY_CAP_MS: '50' },
        ...{ BREAKER_FAILURES: '5', BREAKER_PROBE_SECONDS: '2' },
      }
      const systems = [await bench.start(settings), await bench.start(settings)]
      const id = await storeWebhook(bench.database().db, { url: receiver.url, maxAttempts: 20 })
      await systems[0]?.publish(60)
      await eventually(async () => assert.equal((await listHealth(bench.database().db))[0]?.breaker, 'open'))
      await setTimeout(500)
      const whileOpening = receiver.received.length
      await eventually(() => receiver.received.length === whileOpening + 1, { timeoutMs: 20_000 })
      await setTimeout(500)
      assert.equal(receiver.received.length, whileOpening + 1)
      down = false
      await bench.settled(60_000)
      assert.deepEqual(await bench.outcomes(), { success: 60 })
      assert.deepEqual(most.slice(0, 2), [1, 1])
      assert.ok(Math.max(...most) > 2 && Math.max(...most) <= 8, `${most}`)
      await eventually(async () => {
        const health = (await listHealth(bench.database().db)).filter(({ webhook_id }) => webhook_id === id)
        assert.ok(health.every(({ breaker }) => breaker === 'closed'))
      })
    })
  },
  ['Redis'],
)
