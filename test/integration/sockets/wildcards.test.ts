import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, type StreamClient } from '../../support/stream-client.ts'
import { type StreamLink, startLink } from '../../support/stream-link.ts'
import { course } from '../../support/stream-resume.ts'
import { prices, principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

const ALL = { channel: 'market-data', symbol: '*' }

/** Tokens name a tier or a role. */
const authenticator = {
  ...tokensAreNames,
  stream: async (token: string) =>
    principal('alice', token === 'producer' ? { role: 'producer' } : { tier: token as 'free' | 'pro' | 'enterprise' }),
}

async function open(system: TestStreams, token = 'pro'): Promise<StreamClient> {
  return connectClient(`${system.url}/ws?token=${token}`)
}

async function subscribe(client: StreamClient, ...subscriptions: object[]) {
  client.send({ type: 'subscribe', subscriptions })
  return client.next('subscribed')
}

const of = (client: StreamClient, symbol: string) => course(client, (frame) => frame['symbol'] === symbol)

function promisesOfWildcards(openBackplanes: () => Promise<{ near: Backplane; far: Backplane }>): void {
  let system: TestStreams
  let far: Backplane
  let count = 0
  let names: string[]

  before(async () => {
    const backplanes = await openBackplanes()
    far = backplanes.far
    system = await startStreams({ backplane: backplanes.near, authenticator })
  })
  after(async () => {
    await system.stop()
    assert.deepEqual(system.errors, [])
  })
  beforeEach(() => {
    count += 1
    names = ['A', 'B', 'C'].map((name) => `${name}${count}`)
  })
  afterEach(() => eventually(() => assert.equal(system.streams.streams(), 0)))

  it('brings every symbol, those that come later from their first message on, each with its own numbers', async () => {
    const [known = '', other = '', later = ''] = names
    await far.publish([...prices(known, 3), ...prices(other, 2)])
    const client = await open(system)
    const { accepted, rejected } = await subscribe(client, { ...ALL, snapshot: false })
    assert.deepEqual([accepted, rejected], [[ALL], []])
    await far.publish([...prices(known, 2), ...prices(later, 3)])
    await far.publish(prices(later, 1))
    await eventually(() => assert.deepEqual(of(client, known), [4, 5]))
    await eventually(() => assert.deepEqual(of(client, later), [1, 2, 3, 4]))
    assert.deepEqual(of(client, other), [])
    await client.close()
  })

  it('begins with a snapshot of every symbol, unless none is wanted', async () => {
    for (const name of names) await far.publish(prices(name, 2))
    const client = await open(system)
    await subscribe(client, ALL)
    for (const name of names) await eventually(() => assert.deepEqual(of(client, name), ['snapshot 2']))
    await client.close()
  })

  it('brings each message once to a socket that has the symbol too, also when either of them ends', async () => {
    const [symbol = '', other = ''] = names
    await far.publish(prices(symbol, 1))
    const client = await open(system)
    let publishing = true
    const published = (async () => {
      while (publishing) {
        await far.publish([...prices(symbol, 3), ...prices(other, 1)])
        await setTimeout(1)
      }
    })()
    await subscribe(client, { channel: 'market-data', symbol, snapshot: false })
    for (let round = 0; round < 8; round += 1) {
      await subscribe(client, { ...ALL, snapshot: false })
      await setTimeout(10)
      client.send({ type: 'unsubscribe', subscriptions: [ALL] })
      await client.next('unsubscribed')
      await setTimeout(10)
    }
    await subscribe(client, { ...ALL, snapshot: false })
    client.send({ type: 'unsubscribe', channel: 'market-data', symbol })
    await client.next('unsubscribed')
    await setTimeout(20)
    publishing = false
    await published
    client.send({ type: 'ping' })
    await client.next('pong')
    const numbers = of(client, symbol).map(Number)
    const from = numbers[0] ?? 0
    assert.ok(numbers.length > 50, `${numbers.length} messages`)
    await eventually(() =>
      assert.deepEqual(of(client, symbol).map(Number), range(from, from + of(client, symbol).length - 1)),
    )
    await client.close()
  })

  it('brings each symbol at its own interval, also one that the socket has every message of', async () => {
    const [symbol = '', other = ''] = names
    const client = await open(system)
    await subscribe(client, { channel: 'market-data', symbol }, { ...ALL, snapshot: false, conflate_ms: 500 })
    await far.publish([...prices(symbol, 20), ...prices(other, 20)])
    for (const name of [symbol, other]) {
      await eventually(() => assert.equal(of(client, name).at(-1), 20))
      assert.ok(of(client, name).length <= 2, String(of(client, name)))
    }
    await client.close()
  })

  it('comes after what a symbol of the same socket goes on with, which is asked for before', async () => {
    const [symbol = ''] = names
    await far.publish(prices(symbol, 5))
    const client = await open(system)
    const first = await subscribe(client, { channel: 'market-data', symbol, snapshot: false })
    const [{ epoch }] = first['accepted'] as [{ epoch: string }]
    client.send({ type: 'unsubscribe', channel: 'market-data', symbol })
    await client.next('unsubscribed')
    const since = { channel: 'market-data', symbol, since: 2, epoch }
    const covered = await subscribe(client, since, { ...ALL, snapshot: false })
    const codes = (covered['rejected'] as { code: string }[]).map(({ code }) => code)
    assert.deepEqual(codes, ['covered_by_wildcard'])
    client.send({ type: 'unsubscribe', subscriptions: [ALL] })
    await client.next('unsubscribed')
    client.send({ type: 'subscribe', ...since })
    await subscribe(client, { ...ALL, snapshot: false })
    await far.publish(prices(symbol, 2))
    await eventually(() => assert.deepEqual(of(client, symbol), range(3, 7)))
    await client.close()
  })
}

describe('a wildcard on the backplane of a single process', () => {
  promisesOfWildcards(async () => {
    const only = createMemoryBackplane()
    return { near: only, far: only }
  })
})

describe('a wildcard on Redis', () => {
  let redis: TestRedis
  let link: StreamLink
  let far: Backplane
  const connect = async (port: number) => {
    const log = openLog({ level: 'silent', name: 'test' })
    const url = `redis://127.0.0.1:${port}`
    const backplane = createRedisBackplane({ url, log, history: { messages: 1000, seconds: 300 } })
    await eventually(() => backplane.check())
    return backplane
  }
  before(async () => {
    redis = await startRedis()
    link = await startLink(redis.port)
    far = await connect(redis.port)
  })
  after(async () => {
    await far.close()
    await link.close()
    await redis.stop()
  })
  promisesOfWildcards(async () => ({ near: await connect(link.port), far }))

  it('misses nothing while the link is cut, nor a symbol that appeared meanwhile', async () => {
    const system = await startStreams({ backplane: await connect(link.port), authenticator })
    await far.publish(prices('CUT1', 1))
    const client = await open(system)
    await eventually(async () => {
      const { accepted } = await subscribe(client, { ...ALL, snapshot: false })
      assert.equal((accepted as object[]).length, 1)
    })
    link.cut()
    await far.publish([...prices('CUT1', 5), ...prices('CUT2', 4)])
    link.mend()
    await eventually(() => assert.deepEqual(of(client, 'CUT1'), range(2, 6)), { timeoutMs: 15_000 })
    await eventually(() => assert.deepEqual(of(client, 'CUT2'), range(1, 4)), { timeoutMs: 15_000 })
    await client.close()
    await system.stop()
  })

  it('goes on with all symbols when Redis was wiped, and their names with it', async () => {
    const system = await startStreams({ backplane: await connect(redis.port), authenticator })
    await far.publish(prices('WIPED', 2))
    const client = await open(system)
    await subscribe(client, { ...ALL, snapshot: false })
    await redis.flushAll()
    const other = await startStreams({ backplane: await connect(redis.port), authenticator })
    const fresh = await open(other)
    await subscribe(fresh, { ...ALL, snapshot: false })
    await far.publish(prices('WIPED', 2))
    await eventually(() => assert.deepEqual(of(client, 'WIPED'), ['gap 3-null', 1, 2]))
    await eventually(() => assert.deepEqual(of(fresh, 'WIPED'), [1, 2]))
    await Promise.all([client.close(), fresh.close()])
    await system.stop()
    await other.stop()
  })
})

describe('a wildcard', () => {
  let system: TestStreams
  before(async () => {
    system = await startStreams({ authenticator })
  })
  after(() => system.stop())

  it('is for the tiers that may have it, and for producers', async () => {
    const code = async (token: string) => {
      const client = await connectClient(`${system.url}/ws${token && `?token=${token}`}`)
      const { rejected } = await subscribe(client, ALL)
      await client.close()
      return (rejected as { code: string }[])[0]?.code
    }
    assert.deepEqual(await Promise.all(['free', ''].map(code)), ['forbidden', 'forbidden'])
    assert.deepEqual(await Promise.all(['pro', 'enterprise', 'producer'].map(code)), [undefined, undefined, undefined])
  })

  it('is of market-data alone, and has no since', async () => {
    const client = await open(system)
    const { rejected } = await subscribe(client, { ...ALL, channel: 'predictions' }, { ...ALL, channel: 'alerts' })
    assert.deepEqual(
      (rejected as { code: string }[]).map(({ code }) => code),
      ['no_such_stream', 'no_such_stream'],
    )
    client.send({ type: 'subscribe', ...ALL, since: 1, epoch: 'x' })
    assert.equal((await client.next('error'))['code'], 'bad_frame')
    await client.close()
  })
})
