import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type Ear, listenTo, promisesOfABackplane, range } from '../../support/stream-backplane.ts'
import { prices } from '../../support/stream-server.ts'

const opened: Backplane[] = []

async function open(redis: TestRedis, historyMessages = 1000): Promise<Backplane> {
  const log = openLog({ level: 'silent', name: 'test' })
  const backplane = createRedisBackplane({ url: redis.url, log, history: { messages: historyMessages, seconds: 300 } })
  opened.push(backplane)
  await eventually(() => backplane.check())
  await eventually(() => backplane.follow('alerts'))
  backplane.unfollow('alerts')
  return backplane
}

async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((backplane) => backplane.close()))
}

/** One command to the Redis under test, from beside. */
async function command(redis: TestRedis, ...words: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(redis.url, { maxRetriesPerRequest: 1 })
  try {
    return await client.call(...words)
  } finally {
    client.disconnect()
  }
}

describe('the backplane on Redis', () => {
  let redis: TestRedis
  before(async () => {
    redis = await startRedis()
  })
  after(async () => {
    await closeAll()
    await redis.stop()
  })
  promisesOfABackplane(async () => ({ near: await open(redis), far: await open(redis) }))
})

describe('what is kept of a stream on Redis', () => {
  const DAY_S = 86_400
  let redis: TestRedis
  before(async () => {
    redis = await startRedis()
  })
  after(async () => {
    await closeAll()
    await redis.stop()
  })

  it('is forgotten by age, while the numbers stay for 30 days more', async () => {
    const log = openLog({ level: 'silent', name: 'test' })
    const brief = createRedisBackplane({ url: redis.url, log, history: { messages: 1000, seconds: 2 } })
    opened.push(brief)
    await eventually(() => brief.publish(prices('OLD', 3)))
    const { seq: before } = await brief.history('market-data/OLD', 0, 10)
    await setTimeout(1_200)
    await brief.publish(prices('OLD', 2))
    await setTimeout(1_200)
    const { seq, messages } = await brief.history('market-data/OLD', 0, 10)
    assert.deepEqual([seq, messages.map((one) => one.seq)], [before + 2, [before + 1, before + 2]])
    await eventually(async () => assert.deepEqual((await brief.history('market-data/OLD', 0, 10)).messages, []))
    assert.equal((await brief.history('market-data/OLD', 0, 10)).seq, before + 2)
    const left = Number(await command(redis, 'TTL', 'ara:stream:{market-data/OLD}:state'))
    assert.ok(left > 30 * DAY_S - 60 && left <= 30 * DAY_S + 2, `${left} s`)
  })

  it('is bounded by count', async () => {
    const few = await open(redis, 5)
    await few.publish(prices('MANY', 20))
    const { seq, messages } = await few.history('market-data/MANY', 0, 100)
    assert.deepEqual([seq, messages.map((one) => one.seq)], [20, range(16, 20)])
  })

  it('is nothing a minute after somebody asked for a stream that never was, unless they stay', async () => {
    const key = 'ara:stream:{market-data/QUIET}:state'
    const quiet = await open(redis)
    await quiet.follow('market-data/QUIET')
    const epoch = quiet.position('market-data/QUIET')?.epoch
    const left = async () => Number(await command(redis, 'TTL', key))
    assert.ok((await left()) > 0 && (await left()) <= 60)
    await command(redis, 'EXPIRE', key, '20')
    await eventually(async () => assert.ok((await left()) > 30))
    await quiet.publish(prices('QUIET', 1))
    assert.equal((await quiet.history('market-data/QUIET', 0, 10)).epoch, epoch)
  })

  it('names streams to nobody once the wildcard has ended, though they were being asked for', async () => {
    const brief = await open(redis)
    await brief.publish(prices('NAMED', 1))
    const following = brief.followAll()
    brief.unfollowAll()
    await following
    assert.deepEqual(brief.named(), [])
  })
})

describe('the backplane on a Redis in trouble', () => {
  const STREAM = 'market-data/AAPL'
  let redis: TestRedis
  let near: Backplane
  let far: Backplane
  let ear: Ear

  beforeEach(async () => {
    redis = await startRedis()
    near = await open(redis)
    far = await open(redis)
    ear = listenTo(near)
    await near.follow(STREAM)
    await far.publish(prices('AAPL', 3))
    await eventually(() => assert.deepEqual(ear.numbers(STREAM), [1, 2, 3]))
  })
  afterEach(async () => {
    await closeAll()
    await redis.stop()
  })

  for (const kind of ['pubsub', 'normal']) {
    it(`misses nothing when its ${kind} links are cut again and again`, async () => {
      let sent = 3
      for (let round = 0; round < 5; round += 1) {
        await command(redis, 'CLIENT', 'KILL', 'TYPE', kind)
        await eventually(() => far.publish(prices('AAPL', 20)))
        sent += 20
        await setTimeout(50)
      }
      await eventually(() => assert.ok((near.position(STREAM)?.seq ?? 0) >= sent))
      assert.deepEqual(ear.gaps(), [])
      assert.deepEqual(ear.numbers(STREAM), range(1, ear.numbers(STREAM).length))
    })
  }

  it('finds the last message that was lost on its way, though nothing comes after it', async () => {
    await command(redis, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
    await far.publish(prices('AAPL', 1))
    await eventually(() => assert.deepEqual(ear.numbers(STREAM), range(1, 4)))
  })

  it('says gap for what the history no longer has after a link was cut', async () => {
    const brief = await open(redis, 5)
    await command(redis, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
    await brief.publish(prices('AAPL', 20))
    await eventually(() => assert.equal(ear.numbers(STREAM).at(-1), 23))
    const [gap, ...others] = ear.gaps()
    assert.deepEqual([gap?.from, gap?.to, others], [4, 18, []])
    assert.deepEqual(ear.numbers(STREAM), [1, 2, 3, ...range(19, 23)])
  })

  it('says gap with a new epoch when Redis was wiped', async () => {
    const { epoch } = near.position(STREAM) ?? {}
    await redis.flushAll()
    await far.publish(prices('AAPL', 2))
    await eventually(() => assert.deepEqual(ear.numbers(STREAM), [1, 2, 3, 1, 2]))
    const [gap, ...others] = ear.gaps()
    assert.deepEqual([gap?.from, gap?.to, gap?.seq, others], [4, null, 0, []])
    assert.notEqual(gap?.epoch, epoch)
    assert.equal(near.position(STREAM)?.epoch, gap?.epoch)
  })

  it('says gap with a new epoch when Redis is back with numbers that are too low', async () => {
    // As after a restart from an older dump: the numbers of the last minutes would be given again.
    await command(redis, 'HSET', 'ara:stream:{market-data/AAPL}:state', 'seq', '1', 'run', 'a-run-before')
    await far.publish(prices('AAPL', 5))
    await eventually(() => assert.deepEqual(ear.numbers(STREAM), [1, 2, 3, 1, 2, 3, 4, 5]))
    assert.deepEqual(
      ear.gaps().map(({ from, to, seq }) => [from, to, seq]),
      [[4, null, 0]],
    )
  })

  it('begins anew when the numbers went back though Redis did not restart', async () => {
    await command(redis, 'HSET', 'ara:stream:{market-data/AAPL}:state', 'seq', '2')
    await command(redis, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => assert.deepEqual([ear.gaps()[0]?.to, near.position(STREAM)?.seq], [null, 0]))
  })

  it('is away at once when Redis was killed, and back when Redis is', async () => {
    await redis.kill()
    const began = performance.now()
    await assert.rejects(far.publish(prices('AAPL', 1)), BackplaneAway)
    await assert.rejects(near.follow('market-data/MSFT'), BackplaneAway)
    await assert.rejects(near.check())
    assert.ok(performance.now() - began < 1500)
    assert.equal(near.position('market-data/MSFT'), null)
    await setTimeout(1000)
    await redis.restart()
    await eventually(() => far.publish(prices('AAPL', 1)), { timeoutMs: 5000 })
    await eventually(() => assert.deepEqual(ear.numbers(STREAM), [1, 2, 3, 1]))
    await eventually(() => near.follow('market-data/MSFT'), { timeoutMs: 5000 })
    assert.equal(ear.gaps().length, 1)
  })

  it('is away within its deadline when Redis does not answer, and misses nothing', async () => {
    process.kill(redis.pid, 'SIGSTOP')
    const began = performance.now()
    await Promise.all([
      assert.rejects(far.publish(prices('AAPL', 1)), BackplaneAway),
      assert.rejects(near.follow('market-data/MSFT'), BackplaneAway),
    ])
    assert.ok(performance.now() - began < 2500)
    await setTimeout(4000)
    process.kill(redis.pid, 'SIGCONT')
    await eventually(() => far.publish(prices('AAPL', 1)))
    await eventually(() => near.follow('market-data/MSFT'))
    await eventually(() => assert.ok((ear.numbers(STREAM).at(-1) ?? 0) >= 4))
    assert.deepEqual(ear.gaps(), [])
    assert.deepEqual(ear.numbers(STREAM), range(1, ear.numbers(STREAM).length))
  })
})
