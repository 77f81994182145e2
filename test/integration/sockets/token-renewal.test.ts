import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'
import { eventually } from '../../support/eventually.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { message, startStreams, type TestStreams } from '../../support/stream-server.ts'
import { authenticator, SKEW_MS } from '../../support/stream-tokens.ts'

const alert = message({ channel: 'alerts', symbol: null })

describe('a token that ends', () => {
  let system: TestStreams
  before(async () => {
    system = await startStreams({ authenticator })
  })
  after(() => system.stop())

  it('is told of 60 s before, once, and closes its socket with 4401 when it has ended, clock skew included', async () => {
    const began = Date.now()
    const [soon, later] = await Promise.all([
      connectClient(`${system.url}/ws/alerts?token=alice:2`),
      connectClient(`${system.url}/ws/alerts?token=alice:62`),
    ])
    const told: number[] = []
    // What the path subscribes to may be told as late as now.
    later.socket.on('message', (frame) => {
      if (String(frame).includes('token_expiring')) told.push(Date.now())
    })
    const { expires_at } = await soon.next('token_expiring')
    assert.ok(Math.abs(Date.parse(String(expires_at)) - began - 2_000) < 1_500, String(expires_at))
    assert.deepEqual(await soon.ended, { code: 4401, reason: 'the token has expired' })
    assert.ok(Date.now() - began >= 2_000 + SKEW_MS)
    assert.equal(soon.frames.filter(({ type }) => type === 'token_expiring').length, 1)
    const { expires_at: end } = await later.next('token_expiring')
    assert.ok((told[0] ?? 0) >= Date.parse(String(end)) - 60_000)
    await later.close()
  })

  it('is renewed in place: the streams go on, and the new end counts', async () => {
    const client = await connectClient(`${system.url}/ws/alerts?token=alice:3`)
    await client.next('token_expiring')
    client.send({ type: 'auth', token: 'alice:61', id: 7 })
    const { expires_at, ...rest } = await client.next('authenticated')
    assert.deepEqual(rest, { type: 'authenticated', id: 7, user_id: 'alice' })
    assert.ok(Date.parse(String(expires_at)) > Date.now() + 50_000)
    await client.next('token_expiring')
    await setTimeout(3_000)
    await system.backplane.publish([{ ...alert, userId: 'alice' }, alert])
    assert.equal((await client.next('alert'))['scope'], 'user')
    await client.next('alert')
    assert.equal((await client.close()).code, 1005)
  })
})

describe('a frame auth', () => {
  let system: TestStreams
  before(async () => {
    system = await startStreams({ authenticator, rules: { anonymous: ['market-data', 'alerts'] }, failedLogins: 6 })
  })
  afterEach(() => assert.deepEqual(system.streams.sockets(), 0))
  after(() => system.stop())

  it('with a token that is not good changes nothing', async () => {
    const client = await connectClient(`${system.url}/ws/alerts?token=alice`)
    for (const [token, code] of [
      ['bad', 'unauthorized'],
      ['mallory', 'forbidden'],
      ['carol', 'unavailable'],
    ]) {
      client.send({ type: 'auth', token, id: 'x' })
      const { id, code: told } = await client.next('error')
      assert.deepEqual([id, told], ['x', code])
    }
    assert.equal(system.errors.length, 1)
    for (const frame of [
      { type: 'auth' },
      { type: 'auth', token: 7 },
      { type: 'auth', token: 'secret'.repeat(2000) },
    ]) {
      client.send(frame)
      const error = await client.next('error')
      assert.equal(error['code'], 'bad_frame')
      assert.ok(!JSON.stringify(error).includes('secret'))
    }
    await system.backplane.publish([{ ...alert, userId: 'alice' }])
    await client.next('alert')
    await client.close()
  })

  it('ends what the newer token may not have, and says so', async () => {
    const client = await connectClient(`${system.url}/ws?token=alice-pro`)
    const all = { channel: 'market-data', symbol: '*' }
    client.send({ type: 'subscribe', subscriptions: [all, { channel: 'alerts' }] })
    await client.next('subscribed')
    client.send({ type: 'auth', token: 'alice' })
    const { dropped } = await client.next('authenticated')
    const [ended, ...others] = dropped as { channel: string; symbol: string; code: string }[]
    assert.deepEqual([ended?.channel, ended?.symbol, ended?.code, others], ['market-data', '*', 'forbidden', []])
    await system.backplane.publish([message(), alert])
    await client.next('alert')
    assert.deepEqual(client.numbers(), [])
    await client.close()
  })

  it('with a token of another user closes with 4403', async () => {
    const client = await connectClient(`${system.url}/ws/alerts?token=alice`)
    client.send({ type: 'auth', token: 'bob' })
    assert.deepEqual(await client.ended, { code: 4403, reason: 'the token is of another user' })
  })

  it('makes an anonymous socket its user’s: their own streams join, without a hole or another’s messages', async () => {
    const client = await connectClient(`${system.url}/ws/alerts`)
    client.send({ type: 'subscribe', channel: 'market-data', symbol: 'AAPL' })
    client.send({ type: 'subscribe', channel: 'predictions', symbol: 'AAPL' })
    assert.equal((await client.next('error'))['code'], 'forbidden')
    const own = { ...alert, userId: 'alice' }
    await system.backplane.publish([own, { ...alert, userId: 'bob' }, alert])
    assert.ok(!('scope' in (await client.next('alert'))))
    const publishing = publishUntil(system, () => client.frames.filter(({ scope }) => scope === 'user').length > 50)
    client.send({ type: 'auth', token: 'alice' })
    client.send({ type: 'subscribe', channel: 'predictions', symbol: 'AAPL' })
    const { subscriptions } = await client.next('authenticated')
    const [joined, ...others] = subscriptions as { channel: string; seq: number; user: { seq: number } }[]
    assert.deepEqual([joined?.channel, others], ['alerts', []])
    assert.ok('user' in (await client.next('subscribed')))
    await publishing
    const numbers = client.frames.flatMap(({ scope, seq }) => (scope === 'user' ? [seq] : []))
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => (joined?.user.seq ?? 0) + 1 + index),
    )
    assert.ok(client.frames.every(({ data }) => (data as { of?: string } | undefined)?.of !== 'bob'))
    await client.close()
    await eventually(() => assert.equal(system.streams.streams(), 0))
  })

  it('leaves an anonymous socket what it is while the streams are away', async () => {
    const memory = createMemoryBackplane()
    let away = false
    const follow = (stream: string) => (away ? Promise.reject(new BackplaneAway()) : memory.follow(stream))
    const ill = await startStreams({ authenticator, backplane: { ...memory, follow } })
    const client = await connectClient(`${ill.url}/ws/alerts`)
    away = true
    client.send({ type: 'auth', token: 'alice' })
    assert.equal((await client.next('error'))['code'], 'unavailable')
    away = false
    client.send({ type: 'auth', token: 'bob' })
    assert.equal((await client.next('authenticated'))['user_id'], 'bob')
    await client.close()
    await ill.stop()
  })

  it('lets in who came without a token, where one is needed, as the first frame', async () => {
    const client = openClient(`${system.url}/ws/predictions/AAPL`)
    client.socket.on('open', () => {
      client.send({ type: 'auth', token: 'alice' })
      client.send({ type: 'subscribe', channel: 'alerts' })
    })
    const subscribed = await client.next('subscribed')
    assert.deepEqual(
      client.frames.map(({ type }) => type),
      ['authenticated', 'connected', 'subscribed'],
    )
    assert.equal(client.frames[1]?.['symbol'], 'AAPL')
    assert.ok('user' in (client.frames[1] ?? {}) && 'user' in subscribed)
    await client.close()
  })

  it('is the only first frame of who waits, and must bring a good token within 5 s', async () => {
    const send = async (frame: unknown) => {
      const client = openClient(`${system.url}/ws/predictions/AAPL`)
      client.socket.on('open', () => {
        if (frame instanceof Uint8Array) client.socket.send(frame)
        else if (frame !== null) client.send(frame)
      })
      const { code, reason } = await client.ended
      assert.deepEqual(client.frames, [])
      if (frame === null) assert.match(reason, /^this needs a token: /)
      return code
    }
    const began = performance.now()
    const silent = send(null)
    const frames = [{ type: 'subscribe', channel: 'alerts' }, { type: 'pong' }, '{', { type: 'auth', token: 'bad' }]
    for (const frame of [...frames, Buffer.from('{"type":"auth","token":"alice"}')]) {
      assert.equal(await send(frame), 4401)
    }
    assert.equal(await send({ type: 'auth', token: 'mallory' }), 4403)
    assert.equal(await send({ type: 'auth', token: 'carol' }), 4500)
    assert.equal(await silent, 4401)
    assert.ok(performance.now() - began >= 4_900)
  })

  it('counts as a failed login when it fails, and those are limited for an address', async () => {
    const client = await connectClient(`${system.url}/ws/alerts`)
    // Two were counted above.
    for (let count = 0; count < 4; count += 1) {
      client.send({ type: 'auth', token: 'bad' })
      assert.equal((await client.next('error'))['code'], 'unauthorized')
    }
    client.send({ type: 'auth', token: 'alice', id: 'good' })
    assert.equal((await client.next('authenticated'))['id'], 'good')
    client.send({ type: 'auth', token: 'bad' })
    for (const ended of [client.ended, openClient(`${system.url}/ws/alerts?token=bad`).ended]) {
      const { code, reason } = await ended
      assert.equal(code, 4529)
      const { retry_after_ms } = JSON.parse(reason)
      assert.ok(retry_after_ms > 0 && retry_after_ms <= 60_000, reason)
    }
    for (const query of ['', '?token=alice']) await (await connectClient(`${system.url}/ws/alerts${query}`)).close()
  })
})

/** Alerts to everybody, to Alice and to Bob, as fast as the process can. */
async function publishUntil(system: TestStreams, enough: () => boolean): Promise<void> {
  const data = (of: string) => JSON.stringify({ of })
  for (const end = Date.now() + 10_000; !enough() && Date.now() < end; ) {
    for (const userId of ['alice', 'bob']) await system.backplane.publish([{ ...alert, data: data(userId), userId }])
    await system.backplane.publish([alert])
    await setTimeout(1)
  }
}
