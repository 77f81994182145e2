import assert from 'node:assert/strict'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import { closeClients, numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import { redisForTests } from '../../support/redis.ts'
import { range } from '../../support/stream-backplane.ts'
import { startLink } from '../../support/stream-link.ts'
import { startWebProcess } from '../../support/stream-web-process.ts'

const CLIENTS = 10
const MESSAGES = 900

describe('clients of a web process that is killed', function () {
  this.timeout(60_000)

  afterEach(closeClients)

  it('go on at another one without a hole or a repeat, while messages are published', async () => {
    const redis = await redisForTests()
    const env = { REDIS_URL: redis.url }
    const [doomed, other] = await Promise.all([startWebProcess(env), startWebProcess(env)])
    const link = await startLink(doomed.port)
    const symbol = `K${process.pid}`
    const clients = Array.from({ length: CLIENTS }, () => {
      const watched = startClient({ url: `ws://127.0.0.1:${link.port}`, random: Math.random })
      const got: StreamMessage[] = []
      const wish = { channel: 'market-data', symbol, snapshot: false } as const
      return { ...watched, got, subscription: watched.client.subscribe(wish, (one) => got.push(one)) }
    })
    await eventually(() => assert.ok(clients.every(({ subscription }) => subscription.position !== null)))
    const start = clients[0]?.subscription.position?.seq ?? 0
    const published = other.publish(symbol, MESSAGES, { perSecond: 300 })
    await eventually(() => assert.ok(clients.every(({ got }) => got.length > 50)))
    process.kill(doomed.pid, 'SIGKILL')
    link.cut()
    link.mend(other.port)
    await published
    for (const { got, told, states } of clients) {
      await eventually(() => assert.equal(got.length, MESSAGES), { timeoutMs: 20_000 })
      assert.deepEqual(numbersOf(got), range(start + 1, start + MESSAGES))
      assert.deepEqual(told, [])
      assert.ok(states.some(({ state, code }) => state === 'waiting' && code === 1006))
    }
    closeClients()
    await link.close()
    await other.stop()
    await redis.stop()
  })
})
