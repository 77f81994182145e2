import assert from 'node:assert/strict'
import { connectRedis, type RedisConnection } from '../../../src/redis/connect.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, type StreamClient } from '../../support/stream-client.ts'
import { answered, authenticator, price } from '../../support/stream-producer.ts'
import { startStreams, type TestStreams } from '../../support/stream-server.ts'

describe('publishing on a socket, to Redis', function () {
  this.timeout(120_000)
  const COUNT = 10_000
  const A_FRAME = 100
  const log = openLog({ level: 'silent', name: 'test' })
  let redis: TestRedis
  let other: RedisConnection
  let system: TestStreams
  before(async () => {
    redis = await startRedis()
    other = connectRedis(redis.url, { name: 'test', log, kind: 'worker' })
    const backplane = createRedisBackplane({ url: redis.url, log, history: { messages: COUNT, seconds: 300 } })
    await eventually(() => backplane.check())
    // However busy the machine is, the reader is given every message.
    system = await startStreams({ authenticator, backplane, rules: { degradeSeconds: 300, slowSeconds: 300 } })
  })
  after(async () => {
    await system.stop()
    other.disconnect()
    await redis.stop()
  })

  it('keeps the order of each of two producers through many frames under way', async () => {
    const reader = await connectClient(`${system.url}/ws/market-data/AAPL?snapshot=false`)
    const producers = await Promise.all([0, 1].map((by) => publishAll(by)))
    await eventually(() => assert.equal(reader.numbers().length, COUNT), { timeoutMs: 60_000, everyMs: 100 })
    assert.deepEqual(reader.numbers(), range(1, COUNT))
    for (const by of [0, 1]) {
      const own = reader.frames.flatMap(({ data }) => ((data as { by?: number })?.by === by ? [data] : []))
      assert.deepEqual(
        own.map((data) => (data as { i: number }).i),
        range(0, COUNT / 2 - 1),
      )
    }
    await Promise.all([reader, ...producers].map((client) => client.close()))
  })

  /** Twenty frames under way at a time. */
  async function publishAll(by: number): Promise<StreamClient> {
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    for (let n = 0; n < COUNT / 2; n += A_FRAME) {
      const messages = range(n, n + A_FRAME - 1).map((i) => ({ ...price(i), data: { by, i } }))
      producer.send({ id: n, messages })
      if (n % (20 * A_FRAME) === 0) await eventually(() => assert.equal(answered(producer.frames).at(-1), n))
    }
    await eventually(() => assert.equal(answered(producer.frames).length, COUNT / 2 / A_FRAME))
    return producer
  }

  it('goes on when Redis has forgotten the script', async () => {
    const reader = await connectClient(`${system.url}/ws/market-data/FLUSHED`)
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    for (const n of [1, 2, 3]) {
      if (n === 2) await other.script('FLUSH')
      producer.send({ messages: [price(n, 'FLUSHED'), price(n, `OTHER${n}`)] })
      await producer.next('published')
    }
    await eventually(() => assert.deepEqual(reader.numbers(), [1, 2, 3]))
    await Promise.all([reader.close(), producer.close()])
  })
})
