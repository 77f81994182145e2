import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { connectRedis, type RedisConnection } from '../../../src/redis/connect.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, type Frame, openClient, type StreamClient } from '../../support/stream-client.ts'
import { principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

const KIB = 1024

/** `feed` and `root` may publish, others not. */
const authenticator: typeof tokensAreNames = {
  ...tokensAreNames,
  stream: async (...shown) => {
    const { userId } = await tokensAreNames.stream(...shown)
    if (userId === 'feed') return principal(userId, { role: 'producer' })
    return principal(userId, userId === 'root' ? { role: 'admin' } : {})
  },
}
const price = (n: number, symbol = 'AAPL') => ({ channel: 'market-data', symbol, data: { n } })

describe('publishing on a socket', () => {
  let system: TestStreams
  let path: string
  before(async () => {
    system = await startStreams({ authenticator })
    path = `${system.url}/ws/publish`
  })
  afterEach(() => assert.deepEqual(system.errors, []))
  after(() => system.stop())

  const feed = () => connectClient(`${path}?token=feed`)

  it('is for producers and admins: others are closed with 4403, and who has no token with 4401', async () => {
    assert.equal((await openClient(`${path}?token=alice`).ended).code, 4403)
    assert.equal((await openClient(`${path}?token=bad`).ended).code, 4401)
    const nobody = openClient(path)
    nobody.socket.on('open', () => nobody.send(price(1)))
    assert.equal((await nobody.ended).code, 4401)
    await (await connectClient(`${path}?token=root`)).close()
  })

  it('takes the token as a first frame, and keeps it when a newer one may not publish', async () => {
    const producer = openClient(path)
    producer.socket.on('open', () => producer.send({ type: 'auth', token: 'feed' }))
    await producer.next('connected')
    producer.send({ type: 'auth', token: 'alice', id: 7 })
    const complaint = await producer.next('error')
    assert.deepEqual([complaint['code'], complaint['id']], ['forbidden', 7])
    producer.send(price(1))
    await producer.next('published')
    await producer.close()
    const other = openClient(path)
    other.socket.on('open', () => other.send({ type: 'auth', token: 'alice' }))
    assert.equal((await other.ended).code, 4403)
  })

  it('takes one message or many, and answers each frame with its id', async () => {
    const reader = await connectClient(`${system.url}/ws/market-data/MANY`)
    const producer = await feed()
    producer.send(price(1, 'many'))
    assert.deepEqual(await producer.next('published'), { type: 'published', accepted: 1 })
    producer.send({ ...price(2, 'MANY'), id: 'x' })
    producer.send({ id: 8, messages: [price(3, 'MANY'), price(4, 'MANY')] })
    assert.deepEqual(await producer.next('published'), { type: 'published', id: 'x', accepted: 1 })
    assert.deepEqual(await producer.next('published'), { type: 'published', id: 8, accepted: 2 })
    await eventually(() => assert.deepEqual(reader.numbers(), [1, 2, 3, 4]))
    assert.deepEqual(
      reader.frames.slice(1).map(({ data }) => data),
      [1, 2, 3, 4].map((n) => ({ n })),
    )
    await Promise.all([reader.close(), producer.close()])
  })

  it('completes predictions as REST does', async () => {
    const reader = await connectClient(`${system.url}/ws/predictions/AAPL`)
    const producer = await feed()
    const data = { predicted_price: 112.5, confidence: 0.5, current_price: 100 }
    producer.send({ channel: 'predictions', symbol: 'AAPL', data })
    const { data: seen } = await reader.next('prediction_update')
    assert.equal((seen as { predicted_return: number }).predicted_return, 0.125)
    await Promise.all([reader.close(), producer.close()])
  })

  it('answers what is bad with an error that says what, publishes nothing of it, and stays open', async () => {
    const producer = await feed()
    const bad: [unknown, string, unknown?][] = [
      ['{', 'malformed_json'],
      ['[]', 'bad_frame'],
      ['"x"', 'bad_frame'],
      [{ type: 'subscribe', channel: 'alerts', id: 1 }, 'bad_frame', 1],
      [{ ...price(1), id: {} }, 'bad_frame'],
      [{ ...price(1), id: 2, channel: 'alerts' }, 'validation_failed', 2],
      [{ ...price(1), more: 1 }, 'validation_failed'],
      [{ id: 3, messages: [] }, 'validation_failed', 3],
      [{ id: 4, messages: [price(1), { ...price(1), symbol: 'A B' }] }, 'validation_failed', 4],
      [{ id: 5, messages: Array.from({ length: 1001 }, () => price(1)) }, 'validation_failed', 5],
      [{ ...price(1), id: 6, data: { x: 'x'.repeat(65 * KIB) } }, 'payload_too_large', 6],
      ['{"channel":"market-data","symbol":"AAPL","data":{"n":9007199254740993}}', 'validation_failed'],
    ]
    for (const [frame, code, id] of bad) {
      producer.send(frame)
      const answer = await producer.next('error')
      assert.deepEqual([answer['code'], answer['id']], [code, id], JSON.stringify(frame).slice(0, 100))
    }
    producer.send({ ...price(1), symbol: undefined })
    assert.deepEqual(((await producer.next('error'))['details'] as { path: string }[])[0]?.path, 'symbol')
    producer.socket.send(Buffer.from('{}'))
    assert.equal((await producer.next('error'))['code'], 'bad_frame')
    producer.send({ type: 'ping' })
    await producer.next('pong')
    assert.equal(producer.frames.filter(({ type }) => type === 'published').length, 0)
    await producer.close()
  })

  it('takes frames of 1 MiB and closes with 1009 over it', async () => {
    const producer = await feed()
    const message = { channel: 'market-data', symbol: 'AAPL', data: { x: 'x'.repeat(32_600) } }
    const frame = JSON.stringify({ messages: Array.from({ length: 32 }, () => message) })
    producer.send(frame + ' '.repeat(1024 * KIB - frame.length))
    assert.equal((await producer.next('published'))['accepted'], 32)
    producer.send(frame + ' '.repeat(1024 * KIB - frame.length + 1))
    assert.equal((await producer.ended).code, 1009)
  })

  it('is not limited to 50 frames a second', async () => {
    const producer = await feed()
    for (let n = 1; n <= 500; n += 1) producer.send({ ...price(n), id: n })
    await eventually(() => assert.equal(answered(producer.frames).length, 500))
    assert.deepEqual(answered(producer.frames), range(1, 500))
    await producer.close()
  })
})

/** The ids of what was published, in the order of the answers. */
function answered(frames: readonly Frame[]): number[] {
  return frames.flatMap(({ type, id }) => (type === 'published' ? [Number(id)] : []))
}

describe('a producer and a backplane that is slow', () => {
  it('is told to slow down before frames are refused, and every frame has its answer in order', async () => {
    let letGo: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const memory = createMemoryBackplane()
    const publish: typeof memory.publish = (messages) => held.then(() => memory.publish(messages))
    const system = await startStreams({ authenticator, backplane: { ...memory, publish } })
    const reader = await connectClient(`${system.url}/ws/market-data/AAPL`)
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    const frame = (id: number) => ({ id, messages: Array.from({ length: 1000 }, (_, n) => price(id * 1000 + n)) })
    for (let id = 0; id < 12; id += 1) producer.send(frame(id))
    producer.socket.send(Buffer.from('{}'))
    const told = await producer.next('slow_down')
    assert.ok(Number(told['behind']) > 5_000 && Number(told['retry_after_ms']) > 0, JSON.stringify(told))
    await eventually(async () =>
      assert.deepEqual(await system.byLabel('ara_publications_refused_total', 'why'), { slow_down: 2, bad: 1 }),
    )
    assert.equal(await system.metric('ara_publish_behind'), 10_000)
    letGo()
    const answers = () => producer.frames.filter(({ type }) => type === 'published' || type === 'error')
    await eventually(() => assert.equal(answers().length, 13))
    assert.deepEqual(
      answers().map(({ id, type, code }) => [id, code ?? type]),
      [
        ...range(0, 9).map((id) => [id, 'published']),
        ...[10, 11].map((id) => [id, 'slow_down']),
        [undefined, 'bad_frame'],
      ],
    )
    producer.send(frame(10))
    await producer.next('published')
    await eventually(() => assert.equal(reader.numbers().length, 11_000))
    assert.deepEqual(reader.numbers(), range(1, 11_000))
    await Promise.all([reader.close(), producer.close()])
    await system.stop()
  })

  it('is told that the streams are away, frame by frame, and of each process that ends after its answers', async () => {
    let away = true
    const memory = createMemoryBackplane()
    const publish: typeof memory.publish = async (messages) => {
      if (away) throw new BackplaneAway()
      await memory.publish(messages)
    }
    const system = await startStreams({ authenticator, backplane: { ...memory, publish } })
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    producer.send({ ...price(1), id: 1 })
    const refused = await producer.next('error')
    assert.deepEqual([refused['code'], refused['id'], refused['retry_after_ms']], ['unavailable', 1, 1000])
    away = false
    producer.send({ ...price(1), id: 2 })
    await producer.next('published')
    await system.streams.drain(0)
    assert.equal((await producer.ended).code, 4501)
    await system.stop()
  })
})

describe('a producer', () => {
  const x = 'x'.repeat(980)
  const large = (id: number) => ({ id, messages: range(1, 1000).map((n) => ({ ...price(n), data: { x } })) })

  /** A backplane that takes nothing until it is let go. */
  async function startHeld(rules: Parameters<typeof startStreams>[0] = {}) {
    let letGo: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const memory = createMemoryBackplane()
    const publish: typeof memory.publish = (messages) => held.then(() => memory.publish(messages))
    const system = await startStreams({ authenticator, backplane: { ...memory, publish }, ...rules })
    return { system, letGo, open: () => connectClient(`${system.url}/ws/publish?token=feed`) }
  }

  it('has its answers when the process ends, and is refused what it sends after that', async () => {
    const { system, letGo, open } = await startHeld()
    const producer = await open()
    producer.send({ ...price(1), id: 1 })
    await eventually(async () => assert.equal(await system.metric('ara_publish_behind'), 1))
    const drained = system.streams.drain(0)
    producer.send({ ...price(2), id: 2 })
    await eventually(async () => assert.equal(await system.metric('ara_publications_refused_total'), 1))
    letGo()
    await drained
    assert.equal((await producer.ended).code, 4501)
    const answers = producer.frames
      .slice(1)
      .map(({ type, id, code, retry_after_ms }) => [type, id, code, retry_after_ms])
    assert.deepEqual(answers, [
      ['published', 1, undefined, undefined],
      ['error', 2, 'unavailable', 1000],
    ])
    await system.stop()
  })

  it('has at most 8 MiB of frames under way', async () => {
    const { system, letGo, open } = await startHeld()
    const producer = await open()
    for (const id of range(1, 9)) producer.send(large(id))
    await eventually(async () => assert.equal(await system.metric('ara_publications_refused_total'), 1))
    letGo()
    const refused = await producer.next('error')
    assert.deepEqual([refused['id'], refused['code']], [9, 'slow_down'])
    assert.deepEqual(answered(producer.frames), range(1, 8))
    await producer.close()
    await system.stop()
  })

  it('is closed with 4513 when it does not read its answers', async () => {
    const system = await startStreams({ authenticator })
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    producer.socket.pause()
    // What the kernel's buffers take comes first, some MB.
    const id = 'x'.repeat(128)
    const frame = JSON.stringify({ id, messages: range(1, 900).map((n) => ({ ...price(n), channel: 'nothing' })) })
    for (let sent = 0; (await system.metric('ara_sockets_slow')) === 0 && sent < 2_000; sent += 20) {
      for (let n = 0; n < 20; n += 1) producer.send(frame)
      await setTimeout(10)
    }
    await eventually(() => assert.equal(system.streams.slow().ending, 1))
    producer.socket.resume()
    assert.deepEqual(await producer.ended, { code: 4513, reason: 'too slow' })
    await system.stop()
  })

  it('shares with the others what may wait in all', async () => {
    const { system, letGo, open } = await startHeld({ rules: { publishBacklog: { messages: 3, bytes: 1024 * KIB } } })
    const [one, other] = [await open(), await open()]
    one.send({ id: 1, messages: [price(1), price(2)] })
    await eventually(async () => assert.equal(await system.metric('ara_publish_behind'), 2))
    other.send({ id: 2, messages: [price(3), price(4)] })
    const { code, behind } = await other.next('error')
    assert.deepEqual([code, behind], ['slow_down', 2])
    letGo()
    await one.next('published')
    await Promise.all([one.close(), other.close()])
    await system.stop()
  })
})

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
