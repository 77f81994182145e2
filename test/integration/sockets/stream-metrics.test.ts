import assert from 'node:assert/strict'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { eventually } from '../../support/eventually.ts'
import { connectClient, openClient, refusedHandshake } from '../../support/stream-client.ts'
import { prices, principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

describe('the metrics of the streams', () => {
  let system: TestStreams
  afterEach(() => system.stop())

  const closed = () => system.byLabel('ara_sockets_closed_total', 'code')

  it('count each limit by the code that it closes with', async () => {
    const limits = {
      maxSubscriptions: 1,
      maxInboundPerSecond: 5,
      maxSocketsPerAddress: 3,
      origins: ['https://a.example'],
    }
    system = await startStreams({ rules: limits, socketsPerUser: 1, trustedProxies: 1 })
    const url = `${system.url}/ws/alerts`
    const oldest = await connectClient(`${url}?token=alice`)
    const newest = await connectClient(`${url}?token=alice`)
    assert.equal((await oldest.ended).code, 4409)
    assert.equal((await openClient(url, { origin: 'https://b.example' }).ended).code, 4403)
    const here = await Promise.all([1, 2, 3].map(() => connectClient(url, from('192.0.2.1'))))
    assert.equal((await openClient(url, from('192.0.2.1')).ended).code, 4529)
    const [greedy, large, loud] = here
    greedy?.send({ type: 'subscribe', channel: 'market-data', symbol: 'AAPL' })
    large?.send('x'.repeat(65_537))
    for (let n = 0; n < 6; n += 1) loud?.send({ type: 'pong' })
    const codes = await Promise.all(here.map((client) => client.ended.then(({ code }) => code)))
    assert.deepEqual(codes, [4429, 1009, 4529])
    assert.deepEqual(await closed(), { 4409: 1, 4403: 1, 4429: 1, 1009: 1, 4529: 2 })
    await newest.close()
  })

  it('count each limit by its name, also where several share a code or there is none', async () => {
    const never = new Promise<never>(() => undefined)
    const stream = async (token: string) => (token === 'slow' ? never : tokensAreNames.stream(token, false))
    const limits = {
      ...{
        maxSubscriptions: 1,
        maxInboundPerSecond: 5,
        maxSocketsPerAddress: 4,
        maxSockets: 8,
        handshakesPerMinute: 5,
      },
      ...{ origins: ['https://a.example'], anonymous: ['alerts' as const, 'market-data' as const] },
    }
    system = await startStreams({
      ...{ rules: limits, socketsPerUser: 1, trustedProxies: 1, failedLogins: 1 },
      authenticator: { ...tokensAreNames, stream },
    })
    const url = `${system.url}/ws/alerts`
    const limited = () => system.byLabel('ara_sockets_limited_total', 'limit')
    const slow = openClient(`${url}?token=slow`, from('192.0.2.9'))
    const tokenless = openClient(`${system.url}/ws/predictions/AAPL`, from('192.0.2.9'))
    await connectClient(`${url}?token=alice`)
    const newest = await connectClient(`${url}?token=alice`)
    assert.equal((await openClient(url, { origin: 'https://b.example' }).ended).code, 4403)
    const events = await fetch(`${url.replace('ws', 'http').replace('/ws/', '/api/v1/streams/')}`, {
      headers: { origin: 'https://b.example' },
    })
    assert.equal(events.status, 403)
    for (const code of [4401, 4529]) {
      assert.equal((await openClient(`${url}?token=bad`, from('192.0.2.2')).ended).code, code)
    }
    const here = await Promise.all([1, 2, 3, 4].map(() => connectClient(url, from('192.0.2.1'))))
    assert.equal((await openClient(url, from('192.0.2.1')).ended).code, 4529)
    const last = await connectClient(url)
    assert.equal((await refusedHandshake(url)).status, 503)
    const [greedy, large, huge, loud] = here
    greedy?.send({ type: 'subscribe', channel: 'market-data', symbol: 'AAPL' })
    large?.send('x'.repeat(65_537))
    huge?.send('x'.repeat(300_000))
    for (let n = 0; n < 6; n += 1) loud?.send({ type: 'pong' })
    assert.deepEqual(
      await Promise.all(here.map(({ ended }) => ended.then(({ code }) => code))),
      [4429, 1009, 1006, 4529],
    )
    assert.equal((await refusedHandshake(url, from('192.0.2.1'))).status, 429)
    assert.deepEqual([(await slow.ended).code, (await tokenless.ended).code], [4500, 4401])
    assert.deepEqual(await limited(), {
      ...{ user: 1, origin: 2, logins: 1, address: 1, total: 1, subscriptions: 1, frame_size: 2, messages: 1 },
      ...{ handshakes: 1, token_check: 1, first_token: 1 },
    })
    for (const client of [newest, last]) await client.close()
  })

  it('count who is turned away before the handshake by the reason', async () => {
    system = await startStreams({ rules: { maxSockets: 2, handshakesPerMinute: 2 }, trustedProxies: 1 })
    const url = `${system.url}/ws/alerts`
    const clients = [await connectClient(url), await connectClient(url, from('192.0.2.1'))]
    await refusedHandshake(url)
    await clients[0]?.close()
    await eventually(() => assert.equal(system.streams.sockets(), 1))
    await (await connectClient(url, from('192.0.2.1'))).close()
    await refusedHandshake(url, from('192.0.2.1'))
    await system.streams.drain(0)
    await refusedHandshake(url)
    const why = await system.byLabel('ara_sockets_turned_away_total', 'why')
    assert.deepEqual(why, { full: 1, flood: 1, draining: 1 })
    assert.equal((await clients[1]?.ended)?.code, 4501)
    assert.equal((await closed())['4501'], 1)
  })

  it('count bad tokens', async () => {
    system = await startStreams()
    assert.equal((await openClient(`${system.url}/ws/alerts?token=bad`).ended).code, 4401)
    const client = await connectClient(`${system.url}/ws/alerts`)
    client.send({ type: 'auth', token: 'bad' })
    await client.next('error')
    assert.equal(await system.metric('ara_socket_logins_failed_total'), 2)
    await client.close()
  })

  it('count replays, and the gaps that they begin with', async () => {
    system = await startStreams({ backplane: createMemoryBackplane({ messages: 3, seconds: 300, bytes: 1024 * 1024 }) })
    const path = `${system.url}/ws/market-data/AAPL`
    const first = await connectClient(path)
    await first.close()
    await system.backplane.publish(prices('AAPL', 5))
    const epoch = first.frames[0]?.['epoch']
    for (const [since, gaps] of [
      [4, 0],
      [1, 1],
    ]) {
      const client = await connectClient(`${path}?since=${since}&epoch=${epoch}`)
      await eventually(() => assert.equal(client.numbers().at(-1), 5))
      assert.equal(await system.metric('ara_stream_gaps_total'), gaps)
      await client.close()
    }
    assert.equal(await system.metric('ara_stream_replays_total'), 2)
  })

  it('tell how long messages took to this process, and to its sockets', async () => {
    let tell: Parameters<Backplane['onHeard']>[0] = () => undefined
    const onHeard: Backplane['onHeard'] = (listener) => {
      tell = listener
    }
    system = await startStreams({ backplane: { ...createMemoryBackplane(), onHeard } })
    const client = await connectClient(`${system.url}/ws/market-data/AAPL`)
    const at = Date.now() - 700
    tell({ kind: 'frame', stream: 'market-data/AAPL', seq: 1, frame: JSON.stringify(PRICE), at })
    await client.next('market_data_update')
    for (const name of ['ara_backplane_lag_seconds', 'ara_stream_lag_seconds']) {
      assert.equal(await system.metric(`${name}_count`), 1)
      assert.ok((await system.metric(`${name}_sum`)) >= 0.7, name)
    }
    await client.close()
  })

  it('tell the open sockets, and the streams that they listen to', async () => {
    const stream = async (token: string) => principal(token)
    system = await startStreams({ authenticator: { ...tokensAreNames, stream } })
    const clients = ['?token=alice', '?token=bob', ''].map((query) => connectClient(`${system.url}/ws/alerts${query}`))
    const open = await Promise.all(clients)
    assert.equal(await system.metric('ara_sockets'), 3)
    // The shared one, and two users' own.
    assert.equal(await system.metric('ara_streams'), 3)
    for (const client of open) await client.close()
    await eventually(async () => assert.equal(await system.metric('ara_sockets'), 0))
    assert.equal(await system.metric('ara_streams'), 0)
  })
})

const PRICE = { type: 'market_data_update', symbol: 'AAPL', data: {}, timestamp: '2026-11-23T12:00:00.000Z', seq: 1 }
