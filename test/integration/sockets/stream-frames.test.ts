import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { message, prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

const TIME = '2026-11-23T12:00:00.000Z'

describe('a stream', () => {
  let system: TestStreams
  let symbols = 0
  let symbol: string
  beforeEach(() => {
    symbols += 1
    symbol = `S${symbols}`
  })
  before(async () => {
    system = await startStreams()
  })
  after(() => system.stop())
  afterEach(() => assert.deepEqual(system.errors, []))

  it('begins with connected, which says where its numbers stand', async () => {
    await system.backplane.publish(prices(symbol, 3))
    const client = openClient(`${system.url}/ws/market-data/${symbol}`)
    const { connection_id, timestamp, epoch, ...rest } = await client.next('connected')
    assert.match(String(connection_id), /^[0-9a-f-]{36}$/)
    assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 5000)
    assert.match(String(epoch), /^\w+$/)
    assert.deepEqual(rest, { type: 'connected', channel: 'market-data', symbol, heartbeat_seconds: 30, seq: 3 })
    assert.equal((await client.close()).code, 1005)
  })

  it('carries market data, predictions and alerts on their three paths', async () => {
    const market = await connectClient(`${system.url}/ws/market-data/${symbol}`)
    const predictions = await connectClient(`${system.url}/ws/predictions/${symbol}`)
    const alerts = await connectClient(`${system.url}/ws/alerts`)
    await system.backplane.publish([
      message({ symbol }),
      message({ symbol, channel: 'predictions', data: '{"p":1}', eventId: 'evt_1' }),
      message({ symbol: null, channel: 'alerts', data: '{"a":1}', eventId: 'evt_2', late: true }),
    ])
    const update = { timestamp: TIME, seq: 1 }
    assert.deepEqual(await market.next('market_data_update'), {
      ...{ type: 'market_data_update', symbol, data: { n: 1 }, ...update },
    })
    assert.deepEqual(await predictions.next('prediction_update'), {
      ...{ type: 'prediction_update', symbol, data: { p: 1 }, event_id: 'evt_1', ...update },
    })
    assert.deepEqual(await alerts.next('alert'), {
      ...{ type: 'alert', data: { a: 1 }, event_id: 'evt_2', late: true, ...update },
    })
    const frames = [market, predictions, alerts].map((client) => client.frames.length)
    assert.deepEqual(frames, [2, 2, 2])
    assert.ok(!('symbol' in (alerts.frames[0] ?? {})))
    for (const client of [market, predictions, alerts]) await client.close()
  })

  it('reads symbols in paths percent-decoded and in any case', async () => {
    const paths = ['%5EGSPC', '%5egspc', '^gspc']
    const clients = await Promise.all(paths.map((path) => connectClient(`${system.url}/ws/predictions/${path}`)))
    await system.backplane.publish([message({ channel: 'predictions', symbol: '^GSPC' })])
    for (const client of clients) {
      assert.equal(client.frames[0]?.['symbol'], '^GSPC')
      assert.equal((await client.next('prediction_update'))['symbol'], '^GSPC')
      await client.close()
    }
  })

  it('begins with a snapshot on market-data alone, unless the query says otherwise', async () => {
    await system.backplane.publish([
      ...prices(symbol, 2),
      message({ symbol, channel: 'predictions' }),
      message({ symbol: null, channel: 'alerts' }),
    ])
    const snapshots = async (path: string) => {
      const client = await connectClient(`${system.url}/ws/${path}`)
      client.send({ type: 'ping' })
      await client.next('pong')
      await client.close()
      return client.frames.filter(({ snapshot }) => snapshot === true).map(({ type, seq }) => [type, seq])
    }
    const price = [['market_data_update', 2]]
    assert.deepEqual(await snapshots(`market-data/${symbol}`), price)
    assert.deepEqual(await snapshots(`market-data/${symbol}?snapshot=true`), price)
    assert.deepEqual(await snapshots(`market-data/${symbol}?snapshot=false`), [])
    assert.deepEqual(await snapshots(`predictions/${symbol}`), [])
    assert.deepEqual(await snapshots(`predictions/${symbol}?snapshot=true`), [['prediction_update', 1]])
    assert.deepEqual(await snapshots('alerts'), [])
    assert.equal((await snapshots('alerts?snapshot=true')).length, 1)
    assert.deepEqual(await snapshots('market-data/NOTHING-YET'), [])
  })

  it('answers ping, takes pong, and explains what it cannot read while it stays open', async () => {
    const client = await connectClient(`${system.url}/ws/alerts`)
    client.send({ type: 'pong', timestamp: TIME })
    client.send({ type: 'ping', timestamp: TIME })
    assert.deepEqual(Object.keys(await client.next('pong')), ['type', 'timestamp'])
    const bad = ['{', 'ping', { type: 'dance' }, { type: 'subscribe', symbol: 1 }]
    for (const frame of bad) client.send(frame)
    client.socket.send(Buffer.from('{"type":"ping"}'))
    const errors = [...bad, null].map(() => client.next('error'))
    const codes = (await Promise.all(errors)).map(({ code }) => code)
    assert.deepEqual(codes, ['malformed_json', 'malformed_json', 'bad_frame', 'bad_frame', 'bad_frame'])
    client.send({ type: 'ping' })
    await client.next('pong')
    await client.close()
  })

  it('answers frames in their order', async () => {
    const client = await connectClient(`${system.url}/ws`)
    for (let id = 0; id < 10; id += 1) {
      client.send({ type: 'subscribe', channel: 'market-data', symbol: `${symbol}-${id}`, id })
      client.send({ type: 'unsubscribe', channel: 'market-data', symbol: `${symbol}-${id}`, id })
    }
    client.send({ type: 'ping' })
    await client.next('pong')
    const expected = Array.from({ length: 10 }, (_, id) => [`subscribed ${id}`, `unsubscribed ${id}`])
    const answers = client.frames.slice(1, -1).map(({ type, id }) => `${type} ${id}`)
    assert.deepEqual(answers, expected.flat())
    await client.close()
  })

  it('answers a binary frame after those before it, which may take longer', async () => {
    const memory = createMemoryBackplane()
    const follow = (stream: string) => setTimeout(50).then(() => memory.follow(stream))
    const slow = await startStreams({ backplane: { ...memory, follow } })
    const client = await connectClient(`${slow.url}/ws`)
    client.send({ type: 'subscribe', channel: 'market-data', symbol })
    client.socket.send(Buffer.from('{"type":"ping"}'))
    client.send({ type: 'ping' })
    await client.next('pong')
    assert.deepEqual(
      client.frames.map(({ type }) => type),
      ['connected', 'subscribed', 'error', 'pong'],
    )
    await client.close()
    await slow.stop()
  })

  it('says gap when the backplane does', async () => {
    let tell: Parameters<TestStreams['backplane']['onHeard']>[0] = () => undefined
    const backplane = system.backplane
    const told = await startStreams({
      backplane: {
        ...backplane,
        onHeard(listener) {
          tell = listener
        },
      },
    })
    const client = await connectClient(`${told.url}/ws/market-data/${symbol}`)
    tell({ kind: 'gap', stream: `market-data/${symbol}`, from: 1, to: 4, epoch: 'e', seq: 4 })
    assert.deepEqual(await client.next('gap'), {
      ...{ type: 'gap', channel: 'market-data', symbol, from: 1, to: 4, epoch: 'e', seq: 4 },
    })
    const own = await connectClient(`${told.url}/ws/alerts?token=bob`)
    tell({ kind: 'gap', stream: 'alerts@bob', from: 3, to: null, epoch: 'f', seq: 0 })
    assert.deepEqual(await own.next('gap'), {
      ...{ type: 'gap', channel: 'alerts', symbol: null, from: 3, to: null, epoch: 'f', seq: 0, scope: 'user' },
    })
    assert.equal(client.frames.filter(({ type }) => type === 'gap').length, 1)
    await Promise.all([client.close(), own.close()])
    await told.stop()
  })

  it('counts its sockets and messages', async () => {
    const client = await connectClient(`${system.url}/ws/market-data/${symbol}`)
    assert.equal(await system.metric('ara_sockets'), 1)
    assert.equal(await system.metric('ara_streams'), 1)
    const before = await system.metric('ara_stream_messages_total')
    await system.backplane.publish(prices(symbol, 4))
    assert.equal(await system.metric('ara_stream_messages_total'), before + 4)
    await client.close()
    assert.deepEqual([system.streams.sockets(), system.streams.streams()], [0, 0])
    assert.equal(await system.metric('ara_sockets_opened_total'), await system.metric('ara_sockets_closed_total'))
  })
})
