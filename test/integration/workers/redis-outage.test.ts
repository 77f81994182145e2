import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import type { TestRedis } from '../../support/redis.ts'
import { storeWebhook } from '../../support/work-attempts.ts'
import { assertNoDuplicates, describeForEachQueue } from '../../support/work-bench.ts'

describeForEachQueue(
  'the worker without its Redis',
  (bench) => {
    it('goes on when Redis was away for five seconds and came back empty, and repeats nothing', async () => {
      const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 20 }))
      const system = await bench.start({ DELIVERY_CONCURRENCY: '4' })
      await storeWebhook(bench.database().db, { url: receiver.url })
      await system.publish(100)
      await eventually(() => receiver.received.length >= 20)
      await redis().kill()
      for (let second = 0; second < 5; second += 1) {
        await system.publish(10)
        await setTimeout(1_000)
      }
      await redis().restart()
      await bench.settled()
      assert.deepEqual(await bench.outcomes(), { success: 150 })
      assertNoDuplicates(receiver)
    })

    it('stops in time while Redis is away, and records what is under way', async () => {
      const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 700 }))
      const system = await bench.start({ SHUTDOWN_SECONDS: '2' })
      await storeWebhook(bench.database().db, { url: receiver.url })
      await system.publish(5)
      await eventually(() => receiver.received.length === 5)
      await redis().kill()
      const before = performance.now()
      await system.stop()
      assert.ok(performance.now() - before < 10_000, `${performance.now() - before}`)
      assert.deepEqual(await bench.outcomes(), { success: 5 })
      await redis().restart()
    })

    function redis(): TestRedis {
      return bench.backend().redis ?? assert.fail('This queue has no Redis')
    }
  },
  ['Redis'],
)
