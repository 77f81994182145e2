import assert from 'node:assert/strict'
import { numbersSent, openEvents } from '../../support/event-client.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

const ANONYMOUS: ('market-data' | 'predictions')[] = ['market-data', 'predictions']

describe('Server-Sent Events', () => {
  let system: TestStreams
  let symbols = 0
  let symbol: string
  let url: string

  before(async () => {
    const rules = { anonymous: ANONYMOUS, origins: ['https://app.example'], heartbeatSeconds: 1 }
    system = await startStreams({ rules, socketsPerUser: 2 })
  })
  after(async () => {
    await system.stop()
    assert.deepEqual(system.errors, [])
  })
  beforeEach(() => {
    symbols += 1
    symbol = `S${symbols}`
    url = `${system.url}/api/v1/streams/market-data/${symbol}`
  })

  const publish = (count: number) => system.backplane.publish(prices(symbol, count))

  it('bring the messages of a stream, each with an id that says where it stands', async () => {
    const client = await openEvents(url)
    assert.equal(client.status, 200)
    assert.equal(client.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(client.headers['cache-control'], 'no-store, no-transform')
    const { frame, id } = await client.next('connected')
    assert.deepEqual(
      [frame['channel'], frame['symbol'], frame.seq, id],
      ['market-data', symbol, 0, `${frame['epoch']}:0`],
    )
    await publish(3)
    await eventually(() => assert.deepEqual(numbersSent(client), [1, 2, 3]))
    assert.deepEqual(
      client.events.slice(1).map((one) => one.id),
      range(1, 3).map((seq) => `${frame['epoch']}:${seq}`),
    )
    assert.deepEqual(client.frames[1]?.['data'], { n: 1 })
    assert.match(client.others.join(), /retry: \d{4}/)
    client.close()
  })

  it('begin with a snapshot that has no id, unless none is wanted', async () => {
    await publish(2)
    const client = await openEvents(url)
    const { frame, id } = await client.next('market_data_update')
    assert.deepEqual([frame.seq, frame['snapshot'], id], [2, true, null])
    const without = await openEvents(`${url}?snapshot=false`)
    await publish(1)
    await eventually(() => assert.deepEqual(numbersSent(without), [3]))
    assert.equal(without.frames.length, 2)
    client.close()
    without.close()
  })

  it('are conflated without ids, and begin anew', async () => {
    const client = await openEvents(`${url}?conflate_ms=100`, { 'last-event-id': 'older:7' })
    await client.next('connected')
    await publish(50)
    await eventually(() => assert.equal(client.frames.at(-1)?.['conflated'], true))
    assert.deepEqual([client.lastId(), client.frames.filter(({ type }) => type === 'gap')], ['', []])
    client.close()
  })

  it('keep the connection alive by comments', async () => {
    const client = await openEvents(url)
    await eventually(() => assert.ok(client.others.includes(': ping')))
    assert.deepEqual(
      client.frames.filter(({ type }) => type === 'ping'),
      [],
    )
    client.close()
  })

  it('take a token as the sockets do, by header or in the URL', async () => {
    const alerts = `${system.url}/api/v1/streams/alerts`
    const status = async (path: string, headers: Record<string, string> = {}) => {
      const client = await openEvents(path, headers)
      client.close()
      return client.status
    }
    assert.equal(await status(alerts), 401)
    assert.equal(await status(`${alerts}?token=bad`), 401)
    assert.equal(await status(`${alerts}?token=u1`), 200)
    assert.equal(await status(alerts, { authorization: 'Bearer u2' }), 200)
    assert.equal(await status(alerts, { 'x-api-key': 'u3' }), 200)
    assert.equal(await status(alerts, { authorization: 'Basic dTpw' }), 401)
    assert.equal(await status(`${alerts}?token=u4`, { authorization: 'Bearer u4' }), 400)
  })

  it('refuse with a status and the envelope of every error', async () => {
    const cases: [string, Record<string, string>, number][] = [
      ['/api/v1/streams', {}, 404],
      ['/api/v1/streams/nothing/AAPL', {}, 404],
      ['/api/v1/streams/publish', {}, 404],
      ['/api/v1/streams/market-data', {}, 400],
      ['/api/v1/streams/market-data/AAPL?since=1', {}, 400],
      ['/api/v1/streams/market-data/AAPL?sinse=1', {}, 400],
      ['/api/v1/streams/market-data/AAPL', { 'last-event-id': 'what is this' }, 400],
      ['/api/v1/streams/market-data/AAPL', { 'content-length': '2' }, 400],
      ['/api/v1/streams/market-data/AAPL', { origin: 'https://evil.example' }, 403],
    ]
    for (const [path, headers, expected] of cases) {
      const client = await openEvents(`${system.url}${path}`, headers)
      await eventually(() => assert.equal(typeof JSON.parse(client.text()).error, 'string'))
      assert.equal(client.status, expected, `${path} ${JSON.stringify(headers)}`)
      client.close()
    }
  })

  it('may be read by the pages of the origins that are allowed', async () => {
    const origin = 'https://app.example'
    const client = await openEvents(url, { origin })
    assert.equal(client.headers['access-control-allow-origin'], origin)
    client.close()
    const preflight = await fetch(url.replace(/^ws/, 'http'), { method: 'OPTIONS', headers: { origin } })
    assert.equal(preflight.status, 204)
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/)
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin)
  })

  it('count among the connections of their user: the oldest goes', async () => {
    const open = () => openEvents(`${url}?token=carol`)
    const [oldest] = [await open(), await open(), await open()]
    const { frame } = (await oldest?.next('closed')) ?? { frame: undefined }
    assert.deepEqual([frame?.['code'], frame?.['retry_after_ms']], [4409, 60_000])
    await oldest?.ended
  })

  it('leave nothing behind when their clients go', async () => {
    await eventually(async () => assert.equal(await system.metric('ara_event_streams'), 2))
    const clients = await Promise.all(range(1, 50).map(() => openEvents(url)))
    await eventually(async () => assert.equal(await system.metric('ara_event_streams'), 52))
    for (const client of clients) client.close()
    await eventually(() => assert.equal(system.streams.sockets(), 2))
  })
})
