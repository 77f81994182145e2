import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'
import { eventually } from '../../support/eventually.ts'
import { connectClient, openClient, refusedHandshake } from '../../support/stream-client.ts'
import { openRawClient } from '../../support/stream-raw-client.ts'
import { message, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

describe('the code that a socket is closed with', () => {
  const ORIGIN = 'https://app.example'
  let system: TestStreams

  before(async () => {
    const anonymous: ('alerts' | 'market-data')[] = ['alerts', 'market-data']
    const limits = { maxSubscriptions: 3, maxInboundPerSecond: 20 }
    system = await startStreams({ rules: { anonymous, origins: [ORIGIN], ...limits } })
  })
  afterEach(() => assert.deepEqual([system.errors, system.streams.sockets()], [[], 0]))
  after(() => system.stop())

  /** How a socket ends that is refused: it is open before it is closed, as browsers need it. */
  async function refused(path: string, options: { origin?: string } = {}): Promise<[number, string]> {
    const client = openClient(`${system.url}${path}`, options)
    let opened = false
    client.socket.on('open', () => {
      opened = true
    })
    const { code, reason } = await client.ended
    assert.ok(opened && client.frames.length === 0 && Buffer.byteLength(reason) <= 123, path)
    return [code, reason]
  }
  const code = async (...args: Parameters<typeof refused>) => (await refused(...args))[0]

  it('is 4400 for a request that is bad', async () => {
    for (const path of ['/ws/predictions', '/ws/market-data/A%20B', '/ws/alerts?snapshot=maybe', '/ws/predictions/']) {
      assert.equal(await code(path), 4400, path)
    }
    assert.deepEqual(await refused('/ws/alerts?sinse=5'), [4400, 'sinse is not a known parameter'])
  })

  it('is 4404 for a stream that there is not', async () => {
    for (const path of ['/ws/trades/AAPL', '/ws/alerts/AAPL', '/ws/predictions/AAPL/1', '/ws/nothing?token=bad']) {
      assert.equal(await code(path), 4404, path)
    }
  })

  it('is 4401 with a bad token, also where none is needed', async () => {
    assert.deepEqual(await refused('/ws/alerts?token=bad'), [4401, 'The token is not valid.'])
    for (const path of ['/ws/alerts?token=', '/ws?token=bad', '/ws/market-data/AAPL?token=bad']) {
      assert.equal(await code(path), 4401, path)
    }
  })

  it('is 4403 for an origin that is not listed; who names none is no browser', async () => {
    assert.equal(await code('/ws/alerts', { origin: 'https://evil.example' }), 4403)
    assert.equal(await code('/ws/alerts?token=alice', { origin: 'https://evil.example' }), 4403)
    for (const options of [{ origin: ORIGIN }, {}]) {
      const client = await connectClient(`${system.url}/ws/alerts`, options)
      await client.close()
    }
  })

  it('is 4429 for more subscriptions than a socket may have', async () => {
    const client = await connectClient(`${system.url}/ws`)
    const symbols = (from: number, to: number) =>
      [0, 1, 2, 3].slice(from, to).map((n) => ({ channel: 'market-data', symbol: `S${n}` }))
    client.send({ type: 'subscribe', subscriptions: symbols(0, 3) })
    await client.next('subscribed')
    client.send({ type: 'subscribe', subscriptions: symbols(0, 3) })
    await client.next('subscribed')
    client.send({ type: 'subscribe', subscriptions: symbols(3, 4) })
    assert.deepEqual(await client.ended, { code: 4429, reason: 'at most 3 subscriptions a socket' })
    assert.equal(system.streams.streams(), 0)
  })

  it('is 4529 for too many messages, and says when to come back', async () => {
    const client = await connectClient(`${system.url}/ws/alerts`)
    for (let n = 0; n < 60; n += 1) client.send({ type: 'pong' })
    const ended = await client.ended
    assert.equal(ended.code, 4529)
    assert.deepEqual(JSON.parse(ended.reason), { retry_after_ms: 1000 })
  })

  it('is 1009 for a frame over 64 KiB', async () => {
    const client = await connectClient(`${system.url}/ws/alerts`)
    client.send('x'.repeat(65_536))
    assert.equal((await client.next('error'))['code'], 'malformed_json')
    client.send('x'.repeat(65_537))
    assert.equal((await client.ended).code, 1009)
  })

  it('is none for a frame over 256 KiB', async () => {
    const client = await connectClient(`${system.url}/ws/alerts`)
    client.send('x'.repeat(256 * 1024 + 1))
    assert.equal((await client.ended).code, 1006)
  })

  it('is 4500 while the streams are away or a token cannot be checked', async () => {
    const backplane = { ...createMemoryBackplane(), follow: () => Promise.reject(new BackplaneAway()) }
    const broken = async () => {
      throw new Error('no database')
    }
    const ill = await startStreams({ backplane, authenticator: { ...tokensAreNames, stream: broken } })
    assert.equal((await openClient(`${ill.url}/ws/alerts`).ended).code, 4500)
    assert.equal(ill.errors.length, 0)
    assert.equal((await openClient(`${ill.url}/ws/alerts?token=alice`).ended).code, 4500)
    assert.equal(ill.errors.length, 1)
    await ill.stop()
  })

  it('is 4508 for one who is silent, and one who answers nothing but protocol pings stays', async () => {
    const brief = await startStreams({ rules: { heartbeatSeconds: 1, silenceSeconds: 2 } })
    const alive = await connectClient(`${brief.url}/ws/alerts`)
    const silent = await openRawClient(brief.port, '/ws/alerts')
    const ended = await silent.readOn()
    assert.deepEqual([ended.code, ended.reason], [4508, 'silent'])
    const types = ended.frames.map((frame) => JSON.parse(frame).type)
    assert.deepEqual([types[0], new Set(types.slice(1))], ['connected', new Set(['ping'])])
    await setTimeout(2500)
    const pings = alive.frames.filter(({ type }) => type === 'ping')
    assert.ok(pings.length >= 4, `${pings.length} pings`)
    assert.deepEqual(Object.keys(pings[0] ?? {}), ['type', 'timestamp'])
    assert.equal((await alive.close()).code, 1005)
    await brief.stop()
  })

  it('is 4401 for one whose token was withdrawn, not for one whose token cannot be checked just now', async () => {
    const recheck = async ({ userId }: { userId: string }) => {
      if (userId === 'alice') throw new Error('no database')
      return false
    }
    const ill = await startStreams({ authenticator: { ...tokensAreNames, recheck } })
    const alice = await connectClient(`${ill.url}/ws/alerts?token=alice`)
    const bob = await connectClient(`${ill.url}/ws/alerts?token=bob`)
    assert.equal((await bob.ended).code, 4401)
    assert.equal(ill.errors.length, 1)
    assert.equal((await alice.close()).code, 1005)
    await ill.stop()
  })

  it('is 4501 for everybody when the process ends, who are told to come back at different times', async () => {
    const ending = await startStreams()
    const clients = await Promise.all(Array.from({ length: 40 }, () => connectClient(`${ending.url}/ws/alerts`)))
    const drained = ending.streams.drain(500)
    const endings = await Promise.all(clients.map((client) => client.ended))
    assert.deepEqual(new Set(endings.map((one) => one.code)), new Set([4501]))
    const times = endings.map(({ reason }) => JSON.parse(reason).retry_after_ms)
    assert.ok(times.every((ms) => ms >= 1000 && ms <= 2000) && new Set(times).size > 10, String(times))
    await drained
    assert.deepEqual(await refusedHandshake(`${ending.url}/ws/alerts`), { status: 503, retryAfter: '1' })
    await ending.stop()
  })

  it('is 4501 for some after others when the process ends, while it takes nobody new', async () => {
    const ending = await startStreams()
    const clients = await Promise.all(Array.from({ length: 8 }, () => connectClient(`${ending.url}/ws/alerts`)))
    const drained = ending.streams.drain(2000)
    await Promise.race(clients.map((client) => client.ended))
    assert.equal((await refusedHandshake(`${ending.url}/ws/alerts`)).status, 503)
    const stay = clients.filter(({ socket }) => socket.readyState === socket.OPEN)
    assert.ok(stay.length >= 4, `${stay.length} are still there`)
    await ending.backplane.publish([message({ channel: 'alerts', symbol: null })])
    await Promise.all(stay.map((client) => client.next('alert')))
    await drained
    for (const client of clients) assert.equal((await client.ended).code, 4501)
    await ending.stop()
  })

  it('is 4501 for one whose handshake was under way when the process began to end', async () => {
    let letIn: () => void = () => undefined
    const slow = new Promise<void>((resolve) => {
      letIn = resolve
    })
    const stream = (token: string) => slow.then(() => tokensAreNames.stream(token, false))
    const ending = await startStreams({ authenticator: { ...tokensAreNames, stream } })
    const client = openClient(`${ending.url}/ws/alerts?token=alice`)
    await setTimeout(100)
    await ending.streams.drain(0)
    letIn()
    assert.equal((await client.ended).code, 4501)
    await ending.stop()
  })

  it('is none, but a refused handshake, when there are too many sockets', async () => {
    const small = await startStreams({ rules: { maxSockets: 2 } })
    const clients = [await connectClient(`${small.url}/ws`), await connectClient(`${small.url}/ws/alerts`)]
    assert.deepEqual(await refusedHandshake(`${small.url}/ws`), { status: 503, retryAfter: '10' })
    await clients[0]?.close()
    await eventually(() => small.streams.sockets() === 1)
    await (await connectClient(`${small.url}/ws`)).close()
    await clients[1]?.close()
    await small.stop()
  })
})
