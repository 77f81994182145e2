import assert from 'node:assert/strict'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import { connectStreams } from '../../../client/src/stream-client.ts'
import { unauthorized, unavailable } from '../../../src/errors.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { closeClients, numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { type StreamLink, startLink } from '../../support/stream-link.ts'
import {
  message,
  prices,
  principal,
  startStreams,
  type TestStreams,
  tokensAreNames,
} from '../../support/stream-server.ts'

const KEPT = 50

describe('the client of the streams', () => {
  let system: TestStreams
  let link: StreamLink
  let url: string
  let symbols = 0
  let symbol: string
  const rejected = new Set<string>()
  let busy = false
  let expiresInMs = 3_600_000

  before(async () => {
    system = await startStreams({
      backplane: createMemoryBackplane({ messages: KEPT, seconds: 300, bytes: 1024 * 1024 }),
      authenticator: {
        ...tokensAreNames,
        async stream(token) {
          if (busy) throw unavailable('Away.')
          if (rejected.has(token)) throw unauthorized('The token is not valid.')
          const [name = ''] = token.split('-')
          return principal(name, { tier: 'pro', expiresAt: new Date(Date.now() + expiresInMs) })
        },
      },
    })
  })
  beforeEach(async () => {
    symbols += 1
    symbol = `C${symbols}`
    link = await startLink(system.port)
    url = `ws://127.0.0.1:${link.port}`
  })
  afterEach(async () => {
    closeClients()
    await link.close()
    rejected.clear()
    busy = false
    expiresInMs = 3_600_000
  })
  after(async () => {
    await system.stop()
    assert.deepEqual(
      system.errors.filter((error) => !String(error).includes('Away.')),
      [],
    )
  })

  const publishPrices = (n: number) => system.backplane.publish(prices(symbol, n))

  it('brings the snapshot and each message after it', async () => {
    await publishPrices(3)
    const { client } = startClient({ url })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'market-data', symbol: symbol.toLowerCase() }, (one) =>
      got.push(one),
    )
    await eventually(() => assert.deepEqual(numbersOf(got), ['snapshot 3']))
    await publishPrices(2)
    await eventually(() => assert.deepEqual(numbersOf(got), ['snapshot 3', 4, 5]))
    assert.equal(subscription.position?.seq, 5)
  })

  it('goes on without a hole or a repeat after lost connections', async () => {
    const { client, told, until } = startClient({ url })
    const got: StreamMessage[] = []
    client.subscribe({ channel: 'market-data', symbol, snapshot: false }, (one) => got.push(one))
    const subscription = client.subscribe({ channel: 'predictions', symbol })
    await eventually(() => subscription.position !== null)
    for (let round = 1; round <= 3; round += 1) {
      await publishPrices(4)
      link.cut()
      await until('waiting')
      await publishPrices(6)
      link.mend()
      await eventually(() => assert.deepEqual(numbersOf(got), range(1, round * 10)))
    }
    assert.deepEqual(told, [])
  })

  it('tells of what the history no longer has', async () => {
    const { client, told, until } = startClient({ url })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'market-data', symbol }, (one) => got.push(one))
    await eventually(() => subscription.position !== null)
    await publishPrices(1)
    await eventually(() => assert.equal(got.length, 1))
    link.cut()
    await until('waiting')
    await publishPrices(KEPT + 10)
    link.mend()
    const left = range(12, KEPT + 11)
    await eventually(() => assert.deepEqual(numbersOf(got), [1, `snapshot ${KEPT + 11}`, ...left]))
    assert.deepEqual(told, [{ name: 'gap', channel: 'market-data', symbol, from: 2, to: 11 }])
  })

  it('goes on from where an earlier process was, and begins anew under another epoch', async () => {
    const first = startClient({ url, token: 'alice' })
    const subscription = first.client.subscribe({ channel: 'predictions', symbol })
    await eventually(() => subscription.userPosition !== null)
    await system.backplane.publish([prediction(), prediction('alice')])
    await eventually(() => assert.deepEqual([subscription.position?.seq, subscription.userPosition?.seq], [1, 1]))
    const [since, userSince] = [subscription.position, subscription.userPosition]
    assert.ok(since && userSince)
    first.client.close()
    await system.backplane.publish([prediction(), prediction('alice'), prediction('bob'), prediction()])
    const second = startClient({ url, token: 'alice' })
    const got: StreamMessage[] = []
    second.client.subscribe({ channel: 'predictions', symbol, since, userSince }, (one) => got.push(one))
    await eventually(() =>
      assert.deepEqual(got.map(({ seq, scope }) => `${scope ?? 'all'} ${seq}`).sort(), ['all 2', 'all 3', 'user 2']),
    )
    const third = startClient({ url })
    third.client.subscribe({ channel: 'predictions', symbol, since: { epoch: 'longago', seq: 7 } }, (one) =>
      got.push(one),
    )
    await eventually(() =>
      assert.deepEqual(third.told, [{ name: 'gap', channel: 'predictions', symbol, from: 8, to: null }]),
    )
  })

  it('takes hundreds of streams on one socket and subscribes to them again', async () => {
    const { client, states, until } = startClient({ url })
    const got = new Map<string, number[]>()
    const many = Array.from({ length: 400 }, (_, index) => `${symbol}M${index}`)
    const all = many.map((one) => {
      const numbers: number[] = []
      got.set(one, numbers)
      return client.subscribe({ channel: 'market-data', symbol: one, snapshot: false }, ({ seq }) => numbers.push(seq))
    })
    await eventually(() => assert.ok(all.every(({ position }) => position !== null)))
    const round = () => system.backplane.publish(many.flatMap((one) => prices(one, 1)))
    await round()
    link.cut()
    await until('waiting')
    await round()
    link.mend()
    await until('open')
    await round()
    await eventually(() => assert.ok([...got.values()].every((numbers) => numbers.length === 3)))
    for (const numbers of got.values()) assert.deepEqual(numbers, [1, 2, 3])
    assert.equal(states.filter(({ state }) => state === 'open').length, 2)
  })

  it('brings a symbol once to its listeners and to those of the wildcard, and tells what a wildcard lost', async () => {
    const { client, told, until } = startClient({ url, token: 'alice' })
    const [exact, wild, all]: [StreamMessage[], StreamMessage[], StreamMessage[]] = [[], [], []]
    client.on('message', (one) => all.push(one))
    const stops = client.subscribe({ channel: 'market-data', symbol, snapshot: false }, (one) => exact.push(one))
    client.subscribe({ channel: 'market-data', symbol: '*', snapshot: false }, (one) => wild.push(one))
    await eventually(() => stops.position !== null)
    await publishPrices(2)
    await eventually(() => assert.deepEqual([exact, wild, all].map(numbersOf), [range(1, 2), range(1, 2), range(1, 2)]))
    stops.unsubscribe()
    await publishPrices(1)
    await eventually(() => assert.deepEqual([exact, wild].map(numbersOf), [range(1, 2), range(1, 3)]))
    link.cut()
    await until('waiting')
    await publishPrices(3)
    link.mend()
    await until('open')
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(wild.length > 3)
    })
    const [next] = numbersOf(wild).slice(3)
    assert.deepEqual(told, [{ name: 'gap', channel: 'market-data', symbol, from: 4, to: Number(next) - 1 }])
  })

  it('shares a stream among those that ask for the same, and refuses another way of seeing it', async () => {
    const { client } = startClient({ url })
    const wish = { channel: 'market-data', symbol, conflateMs: 500 } as const
    const [first, second]: [StreamMessage[], StreamMessage[]] = [[], []]
    const [one, other] = [
      client.subscribe(wish, (got) => first.push(got)),
      client.subscribe(wish, (got) => second.push(got)),
    ]
    for (const changes of [
      { conflateMs: 100 },
      { conflateMs: undefined },
      { snapshot: false },
      { since: { epoch: 'e', seq: 1 } },
    ]) {
      assert.throws(() => client.subscribe({ ...wish, ...changes } as typeof wish), TypeError)
    }
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(first.length > 0 && second.length > 0)
    })
    one.unsubscribe()
    const before = first.length
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(second.length > before + 1)
    })
    assert.equal(first.length, before)
    other.unsubscribe()
    client.subscribe({ ...wish, conflateMs: 100 })
  })

  it('does not bring an event again that is announced again', async () => {
    const { client } = startClient({ url })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'alerts' }, (one) => got.push(one))
    await eventually(() => subscription.position !== null)
    const alert = (eventId: string) => message({ channel: 'alerts', symbol: null, eventId })
    const start = subscription.position?.seq ?? 0
    await system.backplane.publish([alert('evt_1'), alert('evt_1'), alert('evt_2'), alert('evt_1')])
    await eventually(() => assert.equal(subscription.position?.seq, start + 4))
    assert.deepEqual(
      got.map((one) => one.event_id),
      ['evt_1', 'evt_2'],
    )
  })

  it('says which subscriptions are refused, and keeps the others', async () => {
    const { client, told } = startClient({ url })
    const good = client.subscribe({ channel: 'market-data', symbol })
    client.subscribe({ channel: 'market-data', symbol: '*' })
    client.subscribe({ channel: 'market-data', symbol: 'no symbol' })
    await eventually(() => assert.equal(told.length, 2))
    const codes = told.map((one) => (one as { code: string }).code)
    assert.deepEqual(codes.sort(), ['forbidden', 'no_such_stream'])
    await eventually(() => good.position !== null)
  })

  it('stops at a code that would come again, and says which', async () => {
    const { until } = startClient({ url: `${url}/ws/nonsense` })
    assert.equal((await until('closed')).code, 4404)
  })

  it('comes back after a drain when it was told to', async () => {
    const other = await startStreams({ backplane: createMemoryBackplane() })
    const { states, until } = startClient({ url })
    await until('open')
    const drained = await startStreams()
    link.mend(drained.port)
    link.cut()
    link.mend(drained.port)
    await eventually(() => assert.equal(drained.streams.sockets(), 1))
    await until('open')
    await drained.streams.drain(1)
    link.mend(other.port)
    await eventually(() => assert.equal(other.streams.sockets(), 1))
    const waiting = states.findLast(({ state }) => state === 'waiting')
    assert.equal(waiting?.code, 4501)
    assert.ok((waiting?.retryInMs ?? 0) >= JSON.parse(waiting?.reason ?? '{}').retry_after_ms)
    closeClients()
    await Promise.all([drained.stop(), other.stop()])
  })

  describe('with tokens', () => {
    it('stops when its only token is refused', async () => {
      rejected.add('alice')
      const { client, until, states } = startClient({ url, token: 'alice' })
      assert.equal((await until('closed')).code, 4401)
      assert.equal(states.filter(({ state }) => state === 'connecting').length, 1)
      assert.equal(client.state, 'closed')
    })

    it('asks for another one when the one it got is refused, and stops when that is refused too', async () => {
      rejected.add('alice-1')
      let asked = 0
      const { client, until } = startClient({ url, token: () => `alice-${++asked}` })
      await until('open')
      assert.equal(asked, 2)
      client.close()
      asked = 0
      rejected.add('alice-2')
      const other = startClient({ url, token: async () => `alice-${++asked}` })
      assert.equal((await other.until('closed')).code, 4401)
      assert.equal(asked, 2)
    })

    it('stops when the callback has nothing but the refused one', async () => {
      rejected.add('alice')
      let asked = 0
      const { until } = startClient({
        url,
        token: () => {
          asked += 1
          return 'alice'
        },
      })
      assert.equal((await until('closed')).code, 4401)
      assert.equal(asked, 2)
    })

    it('tries again when the callback fails', async () => {
      let asked = 0
      const { told, until } = startClient({
        url,
        token: async () => {
          asked += 1
          if (asked === 1) throw new Error('the login is away')
          return 'alice'
        },
      })
      await until('open')
      assert.deepEqual(told, [{ name: 'error', code: 'token_callback', message: 'Error: the login is away' }])
    })

    it('renews in place before the end, and misses nothing', async () => {
      expiresInMs = 30_000
      let asked = 0
      const { client, states, told } = startClient({ url, token: () => `alice-${++asked}` })
      const frames: string[] = []
      client.on('frame', ({ type }) => {
        frames.push(type)
        if (type === 'token_expiring') expiresInMs = 3_600_000
      })
      const got: StreamMessage[] = []
      const subscription = client.subscribe({ channel: 'predictions', symbol }, (one) => got.push(one))
      await eventually(() => subscription.position !== null)
      await system.backplane.publish([prediction()])
      await eventually(() => assert.ok(frames.includes('authenticated')))
      await system.backplane.publish([prediction()])
      await eventually(() => assert.deepEqual(numbersOf(got), [1, 2]))
      assert.deepEqual([asked, told, states.length], [2, [], 2])
    })

    it('tries a renewal again while the server cannot check it', async () => {
      let asked = 0
      const { client, told, until } = startClient({ url, token: () => `alice-${++asked}` })
      const frames: string[] = []
      client.on('frame', ({ type }) => frames.push(type))
      await until('open')
      busy = true
      await client.renewToken()
      await eventually(() => assert.equal((told[0] as { code: string } | undefined)?.code, 'unavailable'))
      busy = false
      await eventually(() => assert.ok(frames.includes('authenticated')))
      assert.equal(asked, 3)
    })
  })

  it('is closed for good by close, also before it was connected', async () => {
    const { client, states } = startClient({ url })
    client.close()
    client.subscribe({ channel: 'alerts' })
    await eventually(() => assert.equal(system.streams.sockets(), 0))
    assert.deepEqual(states, [{ state: 'closed' }])
    client.close()
  })

  it('says at once when there is no WebSocket, or the URL is none', () => {
    const { WebSocket } = globalThis as { WebSocket?: unknown }
    if (WebSocket === undefined) assert.throws(() => connectStreams({ url }), /option WebSocket/)
    assert.throws(() => startClient({ url: 'nonsense' }), TypeError)
  })

  function prediction(userId?: string) {
    return message({ channel: 'predictions', symbol, ...(userId ? { userId } : {}) })
  }
})
