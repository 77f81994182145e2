import assert from 'node:assert/strict'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import { connectStreams } from '../../../client/src/stream-client.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { KEPT, openClientBench } from '../../support/client-bench.ts'
import { closeClients, numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import type { StreamLink } from '../../support/stream-link.ts'
import { startStreams } from '../../support/stream-server.ts'

describe('the client of the streams', () => {
  const bench = openClientBench()
  const { publish, publishPrices, prediction } = bench
  let link: StreamLink
  let url: string
  let symbol: string
  beforeEach(() => {
    link = bench.link()
    url = bench.url()
    symbol = bench.symbol()
  })

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
    await publish([prediction(), prediction('alice')])
    await eventually(() => assert.deepEqual([subscription.position?.seq, subscription.userPosition?.seq], [1, 1]))
    const [since, userSince] = [subscription.position, subscription.userPosition]
    assert.ok(since && userSince)
    first.client.close()
    await publish([prediction(), prediction('alice'), prediction('bob'), prediction()])
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

  it('stops at a code that would come again, and says which', async () => {
    const { client, until } = startClient({ url: `${url}/ws/nonsense` })
    assert.equal((await until('closed')).code, 4404)
    assert.throws(() => client.subscribe({ channel: 'alerts' }), /closed for good \(4404 /)
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

  it('is closed for good by close, also before it was connected', async () => {
    const { client, states } = startClient({ url })
    const subscription = client.subscribe({ channel: 'alerts' })
    client.close()
    assert.throws(() => client.subscribe({ channel: 'alerts' }), /closed for good; connectStreams/)
    assert.throws(() => client.watchDeliveries({}, () => undefined), /closed for good/)
    subscription.unsubscribe()
    await eventually(() => assert.equal(bench.system().streams.sockets(), 0))
    assert.deepEqual(states, [{ state: 'closed' }])
    client.close()
  })

  it('says at once when there is no WebSocket, or the URL is none', () => {
    const { WebSocket } = globalThis as { WebSocket?: unknown }
    if (WebSocket === undefined) assert.throws(() => connectStreams({ url }), /option WebSocket/)
    assert.throws(() => startClient({ url: 'nonsense' }), TypeError)
  })
})
