import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import type { OutgoingMessage } from '../../../src/streams/publisher.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, type Frame, type StreamClient } from '../../support/stream-client.ts'
import { message, principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

const LONG = { timeoutMs: 30_000 }
const DATA = JSON.stringify({ x: 'x'.repeat(4000) })
const price = (symbol = 'AAPL') => message({ symbol, data: DATA })
const alert = message({ channel: 'alerts', symbol: null })
const prediction = () => message({ channel: 'predictions', data: DATA })

/**
 * Until the socket is one that waits: what the kernel's buffers take has to be sent first, some MB. Slowly, since that is seen
 * once a second, and over 8 MiB a socket is closed.
 */
async function fillUp(system: TestStreams, make: () => OutgoingMessage[]): Promise<void> {
  while (system.streams.slow().waiting === 0) {
    const made = make()
    await system.backplane.publish(Array.from({ length: 16 / made.length }, () => made).flat())
    await setTimeout(20)
  }
}

const updates = (client: StreamClient, symbol = 'AAPL') =>
  client.frames.filter((frame) => frame.type === 'market_data_update' && frame['symbol'] === symbol)

interface Parts {
  before: Frame[]
  conflated: Frame[]
  after: Frame[]
}

/** What came before `degraded`, between it and `restored`, and after that. */
function partsOf(client: StreamClient, symbol?: string): Parts {
  const { frames } = client
  const [degraded, restored] = ['degraded', 'restored'].map((type) => frames.findIndex((frame) => frame.type === type))
  assert.ok(degraded !== undefined && restored !== undefined && degraded >= 0 && restored > degraded)
  const between = (from: number, to: number) => updates(client, symbol).filter((f) => within(frames, f, from, to))
  return { before: between(0, degraded), conflated: between(degraded, restored), after: between(restored, Infinity) }
}

const within = (frames: readonly Frame[], frame: Frame, from: number, to: number) =>
  frames.indexOf(frame) >= from && frames.indexOf(frame) < to

/** Every message, then newer and newer values, then a snapshot and every message after it. */
function assertStages({ before, conflated, after }: Parts, first: number): void {
  const numbers = before.map(({ seq }) => seq)
  assert.deepEqual(numbers, range(first, first + numbers.length - 1))
  let at = numbers.at(-1) ?? first - 1
  for (const { seq = 0, conflated: marked } of conflated) {
    assert.ok(seq > at)
    assert.equal(marked === true, seq > at + 1)
    at = seq
  }
  const [snapshot, ...live] = after
  assert.equal(snapshot?.['snapshot'], true)
  assert.ok((snapshot?.seq ?? 0) >= at)
  const from = snapshot?.seq ?? 0
  assert.deepEqual(
    live.map(({ seq }) => seq),
    range(from + 1, from + live.length),
  )
}

describe('a client that reads too slowly', () => {
  let system: TestStreams
  let healthy: StreamClient
  let slow: StreamClient

  async function start(slowSeconds: number, path: string): Promise<void> {
    system = await startStreams({
      backplane: createMemoryBackplane({ messages: 20_000, seconds: 300, bytes: 256 * 1024 * 1024 }),
      rules: { degradeSeconds: 1, slowSeconds },
      authenticator: { ...tokensAreNames, stream: async (token) => principal(token, { tier: 'pro' }) },
    })
    healthy = await connectClient(`${system.url}/ws/market-data/AAPL`)
    slow = await connectClient(`${system.url}${path}`)
  }
  afterEach(async () => {
    await Promise.all([healthy.close(), slow.close()])
    await system.stop()
    assert.deepEqual(system.errors, [])
  })

  const publishSmall = async (count: number, everyMs: number, symbols = ['AAPL']) => {
    for (let n = 0; n < count; n += 1) {
      await system.backplane.publish(symbols.map((symbol) => message({ symbol })))
      await setTimeout(everyMs)
    }
  }

  it('of market data gets it conflated after a while, and snapshots when it has caught up', async () => {
    await start(60, '/ws/market-data/AAPL')
    slow.socket.pause()
    await fillUp(system, () => [price()])
    await eventually(async () => {
      await publishSmall(5, 5)
      assert.equal(system.streams.slow().degraded, 1)
    })
    assert.deepEqual(await system.byLabel('ara_sockets_slow', 'stage'), { waiting: 0, degraded: 1, ending: 0 })
    await publishSmall(150, 10)
    slow.socket.resume()
    await eventually(() => assert.equal(slow.frames.filter(({ type }) => type === 'restored').length, 1), LONG)
    await publishSmall(20, 1)
    const last = system.backplane.position('market-data/AAPL')?.seq ?? 0
    await eventually(() => assert.equal(updates(slow).at(-1)?.seq, last), LONG)
    const parts = partsOf(slow)
    assertStages(parts, 1)
    assert.ok(parts.conflated.length >= 1 && parts.after.length > 20)
    assert.deepEqual(slow.frames.find(({ type }) => type === 'degraded')?.['conflate_ms'], 1000)
    await eventually(() => assert.equal(healthy.numbers().at(-1), last), LONG)
    assert.deepEqual(healthy.numbers(), range(1, last))
    assert.ok(!healthy.frames.some(({ type }) => type === 'degraded'))
    assert.equal(await system.metric('ara_sockets_degraded_total'), 1)
    assert.equal(await system.metric('ara_sockets_resynced_total'), 1)
    assert.equal(await system.metric('ara_sockets_slow'), 0)
  })

  it('of all symbols gets them conflated by a wildcard, and a snapshot of each when it has caught up', async () => {
    await start(60, '/ws?token=pro')
    slow.send({ type: 'subscribe', channel: 'market-data', symbol: '*' })
    await slow.next('subscribed')
    slow.socket.pause()
    const symbols = ['AAPL', 'MSFT']
    await fillUp(system, () => symbols.map(price))
    await eventually(async () => {
      await publishSmall(5, 5, symbols)
      assert.equal(system.streams.slow().degraded, 1)
    })
    await publishSmall(150, 10, symbols)
    slow.socket.resume()
    await eventually(() => assert.equal(slow.frames.filter(({ type }) => type === 'restored').length, 1), LONG)
    await publishSmall(20, 1, symbols)
    for (const symbol of symbols) {
      const last = system.backplane.position(`market-data/${symbol}`)?.seq ?? 0
      await eventually(() => assert.equal(updates(slow, symbol).at(-1)?.seq, last), LONG)
      assertStages(partsOf(slow, symbol), 1)
    }
  })

  it('of predictions is closed with 4513, never conflated, and goes on by since without loss', async () => {
    await start(2, '/ws/predictions/AAPL')
    const epoch = slow.frames[0]?.['epoch']
    slow.socket.pause()
    await fillUp(system, () => [prediction()])
    await eventually(() => assert.equal(system.streams.slow().ending, 1))
    slow.socket.resume()
    assert.equal((await slow.ended).code, 4513)
    const got = slow.numbers()
    assert.deepEqual(got, range(1, got.length))
    assert.ok(!slow.frames.some(({ type, conflated }) => type === 'degraded' || conflated))
    await system.backplane.publish([prediction()])
    const last = got.length + (await countAfter(got.length))
    slow = await connectClient(`${system.url}/ws/predictions/AAPL?since=${got.length}&epoch=${epoch}`)
    await eventually(() => assert.equal(slow.numbers().at(-1), last), LONG)
    assert.deepEqual(slow.numbers(), range(got.length + 1, last))
  })

  it('of both gets every prediction and alert, while its market data is conflated', async () => {
    await start(60, '/ws/predictions/AAPL')
    const more = [{ channel: 'market-data', symbol: 'AAPL' }, { channel: 'alerts' }]
    slow.send({ type: 'subscribe', subscriptions: more })
    await slow.next('subscribed')
    slow.socket.pause()
    await fillUp(system, () => [price()])
    await eventually(async () => {
      await system.backplane.publish([prediction(), alert])
      assert.equal(system.streams.slow().degraded, 1)
    })
    await publishSmall(50, 10)
    await system.backplane.publish([prediction(), prediction(), alert, alert])
    slow.socket.resume()
    await eventually(() => assert.ok(slow.frames.some(({ type }) => type === 'restored')), LONG)
    for (const [type, stream] of [
      ['prediction_update', 'predictions/AAPL'],
      ['alert', 'alerts'],
    ] as const) {
      const numbers = slow.frames.filter((frame) => frame.type === type).map(({ seq }) => seq)
      const { seq } = await system.backplane.history(stream, 0, 1)
      assert.ok(seq > 2)
      assert.deepEqual(numbers, range(1, seq))
    }
    assertStages(partsOf(slow), 1)
  })

  /** How many predictions there are after a number. */
  async function countAfter(seq: number): Promise<number> {
    return (await system.backplane.history('predictions/AAPL', seq, 1)).seq - seq
  }
})
