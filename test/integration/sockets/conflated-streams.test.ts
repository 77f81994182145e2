import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import { connectClient, openClient, type StreamClient } from '../../support/stream-client.ts'
import { message, prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

describe('a conflated stream', () => {
  let system: TestStreams
  let symbols = 0
  let symbol: string
  before(async () => {
    system = await startStreams()
  })
  after(() => system.stop())
  beforeEach(() => {
    symbols += 1
    symbol = `C${symbols}`
  })
  afterEach(() => assert.deepEqual(system.errors, []))

  async function publishFor(ms: number): Promise<number> {
    let sent = 0
    for (const end = performance.now() + ms; performance.now() < end; await setTimeout(5)) {
      await system.backplane.publish(prices(symbol, 2))
      sent += 2
    }
    return sent
  }

  /** Each value is newer than the one before; what is not the next one is marked. Ends with the newest. */
  async function assertConflated(client: StreamClient, last: number): Promise<number> {
    const updates = () => client.frames.filter((frame) => frame['symbol'] === symbol && frame.type.endsWith('_update'))
    await eventually(() => assert.equal(updates().at(-1)?.seq, last))
    let at = 0
    for (const { seq = 0, conflated, snapshot } of updates()) {
      assert.ok(seq > at, `${seq} after ${at}`)
      assert.equal(conflated === true, !snapshot && seq > at + 1, `${seq} after ${at}`)
      at = seq
    }
    return updates().length
  }

  it('brings the newest value at most once an interval, by the query and by subscribe', async () => {
    const every = await connectClient(`${system.url}/ws/market-data/${symbol}`)
    const byQuery = await connectClient(`${system.url}/ws/market-data/${symbol}?conflate_ms=100`)
    assert.equal(byQuery.frames[0]?.['conflate_ms'], 100)
    const byFrame = await connectClient(`${system.url}/ws`)
    byFrame.send({ type: 'subscribe', channel: 'market-data', symbol, conflate_ms: 500 })
    assert.equal((await byFrame.next('subscribed'))['conflate_ms'], 500)
    const sent = await publishFor(1500)
    const often = await assertConflated(byQuery, sent)
    const seldom = await assertConflated(byFrame, sent)
    assert.ok(often > seldom && often <= 17 && seldom <= 5, `${often} and ${seldom} values`)
    assert.equal(every.numbers().length, sent)
    for (const client of [every, byQuery, byFrame]) await client.close()
  })

  it('begins with the newest value as a snapshot', async () => {
    await system.backplane.publish(prices(symbol, 3))
    const client = await connectClient(`${system.url}/ws/market-data/${symbol}?conflate_ms=5000`)
    const { seq, snapshot } = await client.next('market_data_update')
    assert.deepEqual([seq, snapshot], [3, true])
    await client.close()
  })

  it('changes its interval when it is asked for again with another', async () => {
    const client = await connectClient(`${system.url}/ws/market-data/${symbol}?conflate_ms=5000`)
    await system.backplane.publish(prices(symbol, 3))
    client.send({ type: 'subscribe', symbol, conflate_ms: 100 })
    await client.next('subscribed')
    await system.backplane.publish(prices(symbol, 2))
    await assertConflated(client, 5)
    await client.close()
  })

  it('is left with unsubscribe, and with the socket', async () => {
    const client = await connectClient(`${system.url}/ws/market-data/${symbol}?conflate_ms=100`)
    await system.backplane.publish(prices(symbol, 3))
    client.send({ type: 'unsubscribe', symbol })
    await client.next('unsubscribed')
    await setTimeout(250)
    assert.deepEqual(client.numbers(), [])
    const other = await connectClient(`${system.url}/ws/market-data/${symbol}?conflate_ms=100`)
    await system.backplane.publish(prices(symbol, 3))
    await client.close()
    await other.close()
    assert.equal(system.streams.streams(), 0)
  })

  it('is refused with 4400 or an error for other intervals, other channels, and with since', async () => {
    for (const query of ['conflate_ms=99', 'conflate_ms=', 'conflate_ms=250.0', 'conflate_ms=x', 'conflate_ms=-100']) {
      assert.equal((await openClient(`${system.url}/ws/market-data/${symbol}?${query}`).ended).code, 4400, query)
    }
    for (const path of [
      `/ws/predictions/${symbol}?`,
      '/ws/alerts?',
      '/ws?',
      `/ws/market-data/${symbol}?since=1&epoch=x&`,
    ]) {
      assert.equal((await openClient(`${system.url}${path}conflate_ms=100`).ended).code, 4400, path)
    }
    const client = await connectClient(`${system.url}/ws`)
    const target = { channel: 'market-data', symbol }
    const bad = [
      { ...target, conflate_ms: 200 },
      { ...target, conflate_ms: '100' },
      { ...target, channel: 'predictions', conflate_ms: 100 },
      { channel: 'alerts', conflate_ms: 100 },
      { ...target, since: 1, epoch: 'x', conflate_ms: 100 },
    ]
    for (const entry of bad) {
      client.send({ type: 'subscribe', ...entry })
      assert.equal((await client.next('error'))['code'], 'bad_frame', JSON.stringify(entry))
    }
    await client.close()
  })

  it('never is one of predictions or alerts: each of them comes', async () => {
    const client = await connectClient(`${system.url}/ws`)
    client.send({
      type: 'subscribe',
      subscriptions: [
        { channel: 'predictions', symbol },
        { channel: 'alerts' },
        { channel: 'market-data', symbol, conflate_ms: 5000 },
      ],
    })
    await client.next('subscribed')
    const alert = message({ channel: 'alerts', symbol: null })
    const each = [message({ channel: 'predictions', symbol }), alert, message({ symbol })]
    await system.backplane.publish(Array.from({ length: 50 }, () => each).flat())
    const of = (type: string) => client.frames.filter((frame) => frame.type === type).length
    await eventually(() => assert.equal(of('prediction_update'), 50))
    await eventually(() => assert.equal(of('alert'), 50))
    assert.equal(of('market_data_update'), 0)
    await client.close()
  })
})
