import assert from 'node:assert/strict'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'
import { connectClient, type StreamClient } from '../../support/stream-client.ts'
import { message, prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

describe('a subscription', () => {
  let system: TestStreams
  let client: StreamClient
  let away = false
  before(async () => {
    const memory = createMemoryBackplane()
    const backplane: Backplane = {
      ...memory,
      async follow(stream) {
        if (away) throw new BackplaneAway()
        await memory.follow(stream)
      },
    }
    system = await startStreams({ backplane, rules: { anonymous: ['market-data', 'predictions'] } })
  })
  after(() => system.stop())
  beforeEach(async () => {
    client = await connectClient(`${system.url}/ws`)
  })
  afterEach(async () => {
    await client.close()
    assert.deepEqual(system.errors, [])
    assert.equal(system.streams.streams(), 0)
  })

  const answer = () => {
    client.send({ type: 'ping' })
    return client.next('pong')
  }

  it('is taken on /ws, which begins without a stream', async () => {
    assert.deepEqual(Object.keys(client.frames[0] ?? {}), ['type', 'connection_id', 'timestamp', 'heartbeat_seconds'])
    await system.backplane.publish(prices('ONE', 2))
    client.send({ type: 'subscribe', channel: 'market-data', symbol: 'one' })
    const { epoch, ...subscribed } = await client.next('subscribed')
    assert.ok(epoch)
    assert.deepEqual(subscribed, { type: 'subscribed', channel: 'market-data', symbol: 'ONE', seq: 2 })
    await system.backplane.publish(prices('ONE', 1))
    await answer()
    const updates = client.frames.filter(({ type }) => type === 'market_data_update')
    assert.deepEqual(
      updates.map(({ seq, snapshot }) => [seq, snapshot]),
      [
        [2, true],
        [3, undefined],
      ],
    )
  })

  it('ends with unsubscribe', async () => {
    client.send({ type: 'subscribe', channel: 'predictions', symbol: 'AAPL' })
    client.send({ type: 'unsubscribe', channel: 'predictions', symbol: 'aapl', id: 'u' })
    const { epoch } = await client.next('subscribed')
    assert.deepEqual(await client.next('unsubscribed'), {
      ...{ type: 'unsubscribed', id: 'u', channel: 'predictions', symbol: 'AAPL', epoch, seq: 0 },
    })
    await system.backplane.publish([message({ channel: 'predictions' })])
    await answer()
    assert.deepEqual(client.numbers(), [])
    client.send({ type: 'unsubscribe', channel: 'predictions', symbol: 'AAPL' })
    assert.equal((await client.next('error'))['code'], 'not_subscribed')
  })

  it('may be one of several, each accepted or rejected with a code', async () => {
    client.send({
      type: 'subscribe',
      id: 1,
      subscriptions: [
        { channel: 'market-data', symbol: 'A' },
        { channel: 'alerts' },
        { channel: 'trades', symbol: 'A' },
        { channel: 'predictions', symbol: 'no symbol' },
        { channel: 'predictions', symbol: 'B' },
        { channel: 'market-data', symbol: 'a' },
      ],
    })
    const { type, id, accepted, rejected } = await client.next('subscribed')
    assert.deepEqual([type, id], ['subscribed', 1])
    const names = (list: unknown) => (list as Record<string, unknown>[]).map(({ channel, symbol }) => [channel, symbol])
    assert.deepEqual(names(accepted), [
      ['market-data', 'A'],
      ['predictions', 'B'],
      ['market-data', 'A'],
    ])
    assert.deepEqual(
      (rejected as Record<string, unknown>[]).map(({ channel, symbol, code }) => [channel, symbol, code]),
      [
        ['alerts', null, 'forbidden'],
        ['trades', 'A', 'no_such_stream'],
        ['predictions', 'no symbol', 'no_such_stream'],
      ],
    )
    await system.backplane.publish([...prices('A', 1), message({ channel: 'predictions', symbol: 'B' })])
    await answer()
    assert.equal(client.numbers().length, 2)
    const both = [
      { channel: 'market-data', symbol: 'A' },
      { channel: 'market-data', symbol: 'A' },
    ]
    client.send({ type: 'unsubscribe', subscriptions: both })
    const gone = await client.next('unsubscribed')
    assert.deepEqual(names(gone['accepted']), [['market-data', 'A']])
    assert.deepEqual(names(gone['rejected']), [['market-data', 'A']])
  })

  it('is taken beside the stream of the path, whose channel it defaults to', async () => {
    const onPath = await connectClient(`${system.url}/ws/predictions/AAPL`)
    onPath.send({ type: 'subscribe', symbol: 'MSFT' })
    onPath.send({ type: 'unsubscribe', symbol: 'AAPL' })
    assert.equal((await onPath.next('subscribed'))['channel'], 'predictions')
    await onPath.next('unsubscribed')
    const both = ['AAPL', 'MSFT'].map((symbol) => message({ channel: 'predictions', symbol }))
    await system.backplane.publish(both)
    assert.equal((await onPath.next('prediction_update'))['symbol'], 'MSFT')
    assert.equal(onPath.numbers().length, 1)
    await onPath.close()
    client.send({ type: 'subscribe', symbol: 'MSFT' })
    assert.equal((await client.next('error'))['code'], 'no_such_stream')
  })

  it('is told what it lacks when it names no stream', async () => {
    const told = async (entry: object) => {
      client.send({ type: 'subscribe', ...entry })
      const { code, message } = await client.next('error')
      assert.equal(code, 'no_such_stream')
      return message
    }
    const channels = 'predictions, market-data, alerts'
    assert.equal(await told({}), `The subscription needs a channel: ${channels}.`)
    assert.equal(await told({ channel: 'trades', symbol: 'A' }), `There is no such channel, but ${channels}.`)
    assert.equal(await told({ channel: 'predictions' }), 'The channel predictions needs a symbol, such as AAPL.')
    assert.equal(await told({ channel: 'predictions', symbol: '*' }), 'Only market-data takes the wildcard.')
    assert.equal(await told({ channel: 'alerts', symbol: 'A' }), 'The channel alerts has no symbols.')
  })

  it('tells its numbers again when it is asked for again, and a snapshot only when that is wanted', async () => {
    await system.backplane.publish(prices('AGAIN', 1))
    const again = { type: 'subscribe', channel: 'market-data', symbol: 'AGAIN' }
    client.send(again)
    client.send(again)
    client.send({ ...again, snapshot: true })
    await answer()
    const seen = client.frames.slice(1, -1).map(({ type, seq, snapshot }) => [type, seq, snapshot ?? false])
    const subscribed = ['subscribed', 1, false]
    const snapshot = ['market_data_update', 1, true]
    assert.deepEqual(seen, [subscribed, snapshot, subscribed, subscribed, snapshot])
    await system.backplane.publish(prices('AGAIN', 1))
    await answer()
    assert.deepEqual(client.numbers(), [2])
  })

  it('is rejected while the backplane is away, and taken when it is back', async () => {
    away = true
    client.send({ type: 'subscribe', channel: 'predictions', symbol: 'LATER' })
    assert.equal((await client.next('error'))['code'], 'unavailable')
    client.send({ type: 'subscribe', subscriptions: [{ channel: 'predictions', symbol: 'LATER' }] })
    const { accepted, rejected } = await client.next('subscribed')
    assert.deepEqual([accepted, (rejected as { code: string }[])[0]?.code], [[], 'unavailable'])
    away = false
    client.send({ type: 'subscribe', channel: 'predictions', symbol: 'LATER' })
    await client.next('subscribed')
  })

  it('is for an anonymous socket only on the channels that are open to it', async () => {
    client.send({ type: 'subscribe', channel: 'alerts' })
    assert.equal((await client.next('error'))['code'], 'forbidden')
    const known = await connectClient(`${system.url}/ws?token=alice`)
    known.send({ type: 'subscribe', channel: 'alerts' })
    assert.deepEqual(Object.keys(await known.next('subscribed')), ['type', 'channel', 'symbol', 'epoch', 'seq', 'user'])
    await known.close()
  })

  it('to what is for one user reaches only the sockets of that user', async () => {
    const queries = ['?token=alice', '?token=bob', '']
    const clients = await Promise.all(queries.map((query) => connectClient(`${system.url}/ws/predictions/OWN${query}`)))
    const [alice, bob, nobody] = clients
    assert.ok(alice && bob && nobody)
    assert.deepEqual(Object.keys(alice.frames[0]?.['user'] ?? {}), ['epoch', 'seq'])
    assert.ok(!('user' in (nobody.frames[0] ?? {})))
    const prediction = message({ channel: 'predictions', symbol: 'OWN' })
    await system.backplane.publish([{ ...prediction, userId: 'alice', eventId: 'evt_1' }, prediction])
    for (const one of clients) {
      one.send({ type: 'ping' })
      await one.next('pong')
    }
    const scopes = (one: StreamClient) =>
      one.frames.filter(({ type }) => type === 'prediction_update').map(({ seq, scope }) => [seq, scope])
    assert.deepEqual(scopes(bob), [[1, undefined]])
    assert.deepEqual(scopes(nobody), [[1, undefined]])
    assert.deepEqual(scopes(alice), [
      [1, 'user'],
      [1, undefined],
    ])
    await Promise.all(clients.map((one) => one.close()))
  })
})
