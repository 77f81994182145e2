import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type EventClient, openEvents } from '../../support/event-client.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import {
  message,
  prices,
  principal,
  startStreams,
  type TestStreams,
  tokensAreNames,
} from '../../support/stream-server.ts'

const ANONYMOUS: ('market-data' | 'predictions')[] = ['market-data', 'predictions']

const numbers = ({ frames }: EventClient) =>
  frames.flatMap(({ type, seq, snapshot }) => (/_update$|^alert$/.test(type) && !snapshot ? [seq] : []))

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
    await eventually(() => assert.deepEqual(numbers(client), [1, 2, 3]))
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
    await eventually(() => assert.deepEqual(numbers(without), [3]))
    assert.equal(without.frames.length, 2)
    client.close()
    without.close()
  })

  it('go on after Last-Event-ID through 20 reconnections while messages keep coming, without a hole or a repeat', async () => {
    let publishing = true
    let sent = 0
    const publisher = (async () => {
      while (publishing) {
        await publish(5)
        sent += 5
        await setTimeout(1)
      }
    })()
    const got: unknown[] = []
    let lastId = ''
    let clientOf = await openEvents(`${url}?snapshot=false`)
    const { frame } = await clientOf.next('connected')
    for (let round = 0; round < 20; round += 1) {
      await setTimeout(10 + round)
      clientOf.close()
      got.push(...numbers(clientOf))
      lastId = clientOf.lastId() || lastId
      clientOf = await openEvents(`${url}?snapshot=false`, { 'last-event-id': lastId })
    }
    publishing = false
    await publisher
    const first = (frame.seq ?? 0) + 1
    await eventually(() => assert.equal(got.length + numbers(clientOf).length, sent - first + 1))
    got.push(...numbers(clientOf))
    assert.deepEqual(got, range(first, sent))
    assert.deepEqual(
      clientOf.frames.filter(({ type }) => type === 'gap'),
      [],
    )
    clientOf.close()
  })

  it('take the last id in the URL too, where a header cannot be set', async () => {
    const client = await openEvents(url)
    const { frame } = await client.next('connected')
    await publish(3)
    const back = await openEvents(`${url}?last_event_id=${frame['epoch']}:1`)
    await eventually(() => assert.deepEqual(numbers(back), [2, 3]))
    const since = await openEvents(`${url}?since=2&epoch=${frame['epoch']}`, { 'last-event-id': `${frame['epoch']}:0` })
    await eventually(() => assert.deepEqual(numbers(since), [1, 2, 3]))
    for (const one of [client, back, since]) one.close()
  })

  it('say gap, with the id after it, for what the history no longer has and for another epoch', async () => {
    await publish(1_010)
    const known = await openEvents(url)
    const epoch = (await known.next('connected')).frame['epoch']
    const late = await openEvents(`${url}?snapshot=false`, { 'last-event-id': `${epoch}:3` })
    const gap = await late.next('gap')
    assert.deepEqual([gap.frame['from'], gap.frame['to'], gap.id], [4, 10, `${epoch}:10`])
    await eventually(() => assert.deepEqual(numbers(late), range(11, 1_010)))
    const anew = await openEvents(`${url}?snapshot=false`, { 'last-event-id': 'older:7' })
    const begun = await anew.next('gap')
    assert.deepEqual([begun.frame['from'], begun.frame['to'], begun.frame['epoch']], [8, null, epoch])
    for (const one of [known, late, anew]) one.close()
  })

  it("resume the user's own stream as well as the shared one", async () => {
    const path = `${system.url}/api/v1/streams/predictions/${symbol}?token=alice`
    const shared = message({ channel: 'predictions', symbol })
    const own = { ...shared, userId: 'alice' }
    const client = await openEvents(path)
    await client.next('connected')
    await system.backplane.publish([shared, own, { ...shared, userId: 'eve' }, shared])
    await eventually(() => assert.equal(client.frames.length, 4))
    client.close()
    const id = client.lastId()
    assert.match(id, /^\w+:2,\w+:1$/)
    await system.backplane.publish([own, shared, own])
    const back = await openEvents(path, { 'last-event-id': id })
    await eventually(() => assert.equal(back.frames.length, 4))
    assert.deepEqual(
      back.frames
        .slice(1)
        .map(({ seq, scope }) => `${scope ?? 'shared'} ${seq}`)
        .sort(),
      ['shared 3', 'user 2', 'user 3'],
    )
    assert.match(back.lastId(), /^\w+:3,\w+:3$/)
    back.close()
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

describe('Server-Sent Events that end', () => {
  let system: TestStreams
  afterEach(() => system.stop())

  it('say when the token ends, and that it has ended', async () => {
    const stream = async () => principal('alice', { expiresAt: new Date(Date.now() + 2_500) })
    system = await startStreams({ authenticator: { ...tokensAreNames, stream } })
    const client = await openEvents(`${system.url}/api/v1/streams/alerts?token=any`)
    await client.next('token_expiring')
    const { frame } = await client.next('closed')
    assert.equal(frame['code'], 4401)
    await client.ended
  })

  it('say when to come back, when the process is replaced', async () => {
    system = await startStreams()
    const client = await openEvents(`${system.url}/api/v1/streams/market-data/AAPL`)
    await client.next('connected')
    await system.streams.drain(50)
    const { frame } = await client.next('closed')
    assert.equal(frame['code'], 4501)
    const retry = Number(frame['retry_after_ms'])
    assert.ok(retry >= 1000 && retry <= 2000)
    assert.ok(client.others.includes(`retry: ${retry}`))
    await client.ended
    assert.equal((await openEvents(`${system.url}/api/v1/streams/market-data/AAPL`)).status, 503)
  })

  it('end a client that reads too slowly, which resumes without a hole; the others are not touched', async () => {
    system = await startStreams({ rules: { slowSeconds: 2, degradeSeconds: 300 } })
    const path = `${system.url}/api/v1/streams/market-data/BIG`
    const slow = await openEvents(path)
    const quick = await openEvents(path)
    await slow.next('connected')
    slow.pause()
    const data = JSON.stringify({ text: 'x'.repeat(60_000) })
    for (let n = 0; n < 200; n += 10) {
      await system.backplane.publish(range(1, 10).map(() => message({ symbol: 'BIG', data })))
      await setTimeout(20)
    }
    await eventually(() => assert.equal(numbers(quick).length, 200), { timeoutMs: 30_000 })
    await eventually(async () => assert.equal((await closes(system))['4513'], 1), { timeoutMs: 20_000 })
    slow.goOn()
    await slow.ended
    assert.equal(slow.frames.at(-1)?.['code'], 4513)
    const got = numbers(slow)
    assert.deepEqual(got, range(1, got.length))
    const back = await openEvents(`${path}?snapshot=false`, { 'last-event-id': slow.lastId() })
    await eventually(() => assert.deepEqual([...got, ...numbers(back)], range(1, 200)))
  })

  it('are gone at once when the connection breaks', async () => {
    system = await startStreams()
    const socket = connect(system.port, '127.0.0.1')
    socket.write('GET /api/v1/streams/market-data/AAPL HTTP/1.1\r\nHost: test\r\n\r\n')
    await once(socket, 'data')
    assert.equal(system.streams.sockets(), 1)
    socket.resetAndDestroy()
    await eventually(() => assert.equal(system.streams.sockets(), 0))
  })
})

async function closes(system: TestStreams): Promise<Record<string, number>> {
  return system.byLabel('ara_sockets_closed_total', 'code')
}
