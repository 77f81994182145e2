import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { course, KEPT, promisesOfResuming } from '../../support/stream-resume.ts'
import { message, prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

const MIB = 1024 * 1024

describe('resuming on the backplane of a single process', () => {
  promisesOfResuming(async () => {
    const only = createMemoryBackplane({ messages: KEPT, seconds: 300, bytes: MIB })
    return { near: only, far: only }
  })
})

describe('resuming on Redis', () => {
  let redis: TestRedis
  let far: Backplane
  before(async () => {
    redis = await startRedis()
  })
  after(async () => {
    await far.close()
    await redis.stop()
  })
  promisesOfResuming(async () => {
    const log = openLog({ level: 'silent', name: 'test' })
    const end = () => createRedisBackplane({ url: redis.url, log, history: { messages: KEPT, seconds: 300 } })
    const near = end()
    far = end()
    for (const one of [near, far]) await eventually(() => one.check())
    return { near, far }
  })
})

describe('a large backfill', () => {
  const COUNT = 12_000
  let system: TestStreams
  let epoch: string

  before(async () => {
    system = await startStreams({
      backplane: createMemoryBackplane({ messages: COUNT, seconds: 300, bytes: 64 * MIB }),
    })
    const data = JSON.stringify({ x: 'x'.repeat(1000) })
    for (let sent = 0; sent < COUNT; sent += 1000) {
      await system.backplane.publish(Array.from({ length: 1000 }, () => message({ data })))
    }
    const client = await connectClient(`${system.url}/ws`)
    client.send({ type: 'subscribe', channel: 'market-data', symbol: 'AAPL', snapshot: false })
    epoch = String((await client.next('subscribed'))['epoch'])
    await client.close()
  })
  after(() => system.stop())

  it('waits for a reader that stalls, and reaches it whole, since it is sent in slices', async () => {
    const client = openClient(`${system.url}/ws/market-data/AAPL?since=0&epoch=${epoch}`)
    client.socket.on('open', () => client.socket.pause())
    await setTimeout(1000)
    // Of 12 MB, more than may wait for one socket, nothing but a slice waits.
    assert.equal(await system.metric('ara_sockets_overflowed_total'), 0)
    client.socket.resume()
    await system.backplane.publish(prices('AAPL', 5))
    await eventually(() => assert.equal(client.numbers().at(-1), COUNT + 5), { timeoutMs: 30_000 })
    assert.deepEqual(client.numbers(), range(1, COUNT + 5))
    await client.close()
  })

  it('leaves the process free for others', async () => {
    const others = await connectClient(`${system.url}/ws/alerts`)
    const many = Array.from({ length: 2 }, () => openClient(`${system.url}/ws/market-data/AAPL?since=0&epoch=${epoch}`))
    await Promise.all(many.map((client) => client.next('connected')))
    let answered = 0
    while (many.some((client) => client.numbers().length < COUNT)) {
      others.send({ type: 'ping' })
      await others.next('pong')
      answered += 1
      await setTimeout(20)
    }
    assert.ok(answered > 3, `${answered} answers meanwhile`)
    await Promise.all([others, ...many].map((client) => client.close()))
  })

  it('ends with unsubscribe', async () => {
    const client = await connectClient(`${system.url}/ws`)
    const target = { channel: 'market-data', symbol: 'AAPL' }
    client.send({ type: 'subscribe', ...target, since: 0, epoch })
    client.send({ type: 'unsubscribe', ...target })
    await client.next('unsubscribed')
    const { length } = client.frames
    await system.backplane.publish(prices('AAPL', 5))
    await setTimeout(200)
    assert.ok(length < COUNT)
    assert.equal(client.frames.length, length)
    await client.close()
  })
})

describe('the history of a stream', () => {
  it('forgets by age, and who comes back late is told of a gap', async () => {
    let time = 1_000_000
    const backplane = createMemoryBackplane({ messages: 100, seconds: 10, bytes: MIB }, () => time)
    const system = await startStreams({ backplane })
    const path = `${system.url}/ws/predictions/AAPL`
    const first = await connectClient(path)
    const epoch = first.frames[0]?.['epoch']
    await first.close()
    const publish = (n: number) =>
      backplane.publish(Array.from({ length: n }, () => message({ channel: 'predictions' })))
    await publish(3)
    time += 8_000
    await publish(2)
    time += 4_000
    const late = await connectClient(`${path}?since=1&epoch=${epoch}`)
    await eventually(() => assert.deepEqual(course(late), ['gap 2-3', 4, 5]))
    await late.close()
    time += 60_000
    const [upToDate, later] = [5, 4].map((since) => openClient(`${path}?since=${since}&epoch=${epoch}`))
    assert.ok(upToDate && later)
    await upToDate.next('connected')
    await eventually(() => assert.deepEqual(course(later), ['gap 5-5']))
    await publish(1)
    await eventually(() => assert.deepEqual(course(upToDate), [6]))
    await eventually(() => assert.deepEqual(course(later), ['gap 5-5', 6]))
    await Promise.all([upToDate.close(), later.close()])
    await system.stop()
  })
})

describe('since', () => {
  let system: TestStreams
  before(async () => {
    system = await startStreams()
  })
  after(() => system.stop())

  it('is refused with 4400 when it is no number, or comes without its epoch', async () => {
    const bad = ['since=1', 'epoch=x', 'since=-1&epoch=x', 'since=1.5&epoch=x', 'since=x&epoch=x', 'since=1&epoch=a:b']
    const more = ['since=&epoch=x', `since=${'9'.repeat(16)}&epoch=x`, 'since=1&epoch=', 'user_since=1', 'user_epoch=x']
    for (const query of [...bad, ...more]) {
      const { code, reason } = await openClient(`${system.url}/ws/alerts?${query}`).ended
      assert.equal(code, 4400, query)
      assert.match(reason, /since|epoch/)
    }
    assert.equal((await openClient(`${system.url}/ws?since=1&epoch=x`).ended).code, 4400)
  })

  it('in a frame is refused with an error, and nothing of the frame is done', async () => {
    const client = await connectClient(`${system.url}/ws`)
    const target = { channel: 'market-data', symbol: 'A' }
    for (const bad of [{ since: 1 }, { since: '1', epoch: 'x' }, { since: -1, epoch: 'x' }, { user_epoch: 'x' }]) {
      client.send({ type: 'subscribe', subscriptions: [target, { ...target, symbol: 'B', ...bad }] })
      assert.equal((await client.next('error'))['code'], 'bad_frame')
    }
    assert.equal(system.streams.streams(), 0)
    await client.close()
  })
})
