import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { unauthorized } from '../../../src/errors.ts'
import { eventually } from '../../support/eventually.ts'
import { openClient, refusedHandshake } from '../../support/stream-client.ts'
import { principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

describe('a socket whose token is being checked', () => {
  let system: TestStreams
  let finish: (() => void)[]
  let authenticator: typeof tokensAreNames

  beforeEach(async () => {
    finish = []
    authenticator = {
      ...tokensAreNames,
      async stream(token) {
        await new Promise<void>((resolve) => finish.push(resolve))
        if (token === 'bad') throw unauthorized('The token is not valid.')
        return principal(token, token === 'producer' ? { role: 'producer' } : {})
      },
    }
    system = await startStreams({ authenticator })
  })
  afterEach(async () => {
    await system.stop()
    assert.deepEqual(system.errors, [])
  })

  /** Open, and its token is being checked. */
  async function waiting(token: string, path = '/ws') {
    const before = finish.length
    const client = openClient(`${system.url}${path}?token=${token}`)
    await once(client.socket, 'open')
    await eventually(() => assert.ok(finish.length > before))
    return client
  }

  const http = () => system.url.replace('ws:', 'http:')

  async function settle(): Promise<void> {
    for (const done of finish.splice(0)) done()
  }

  it('has what it sends meanwhile answered afterwards, in its order', async () => {
    const client = await waiting('alice')
    client.send({ type: 'subscribe', channel: 'market-data', symbol: 'AAPL' })
    client.send({ type: 'subscribe', channel: 'market-data', symbol: 'MSFT' })
    client.send({ type: 'ping' })
    await setTimeout(100)
    assert.deepEqual(client.frames, [])
    await settle()
    await client.next('pong')
    assert.deepEqual(
      client.frames.map(({ type, symbol }) => [type, symbol]),
      [
        ['connected', undefined],
        ['subscribed', 'AAPL'],
        ['subscribed', 'MSFT'],
        ['pong', undefined],
      ],
    )
    await client.close()
  })

  it('may be a producer whose first frame is large', async () => {
    const producer = await waiting('producer', '/ws/publish')
    const message = { channel: 'market-data', symbol: 'AAPL', data: { note: 'x'.repeat(900) } }
    producer.send({ id: 1, messages: Array.from({ length: 900 }, () => message) })
    await settle()
    assert.equal((await producer.next('published'))['accepted'], 900)
    await producer.close()
  })

  it('is let in, together with all whose checks end in the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 40 }, (_, index) => waiting(`user-${index}`, '/ws/alerts')),
      )
      await eventually(() => assert.equal(finish.length, 40))
      await settle()
      await Promise.all(clients.map((client) => client.next('connected')))
      await Promise.all(clients.map((client) => client.close()))
    }
  })

  it('is closed with what the check says, and nothing it sent is done', async () => {
    const client = await waiting('bad', '/ws/publish')
    client.send({ channel: 'market-data', symbol: 'AAPL', data: {} })
    await settle()
    assert.equal((await client.ended).code, 4401)
    assert.deepEqual(await system.backplane.history('market-data/AAPL', 0, 10).then(({ seq }) => seq), 0)
  })

  it('is closed with 4529 when it sends too much meanwhile', async () => {
    const flood = await waiting('alice')
    for (let frame = 0; frame < 1_001; frame += 1) flood.send({ type: 'ping' })
    assert.equal((await flood.ended).code, 4529)
    await settle()
    const bulk = await waiting('alice')
    for (let frame = 0; frame < 6; frame += 1) bulk.send('x'.repeat(200 * 1024))
    assert.equal((await bulk.ended).code, 4529)
    await settle()
  })

  it('may leave before the check is over, and leaves nothing behind', async () => {
    const client = await waiting('alice')
    client.send({ type: 'ping' })
    client.socket.terminate()
    await client.ended
    await setTimeout(100)
    await settle()
    await setTimeout(100)
    assert.equal(system.streams.sockets(), 0)
    assert.equal(await system.metric('ara_sockets_opened_total'), 0)
  })

  it('counts among the sockets that there may be in all', async () => {
    await system.stop()
    system = await startStreams({ authenticator, rules: { maxSockets: 2 } })
    const clients = [await waiting('alice'), await waiting('bob')]
    assert.equal((await refusedHandshake(`${system.url}/ws?token=carol`)).status, 503)
    await settle()
    for (const client of clients) await client.next('connected')
    for (const client of clients) await client.close()
  })

  it('counts with the responses that wait: one too many of those gets 503', async () => {
    await system.stop()
    system = await startStreams({ authenticator, rules: { maxSockets: 1 } })
    const responses = ['alice', 'bob'].map((token) => fetch(`${http()}/api/v1/streams/alerts?token=${token}`))
    await eventually(() => assert.equal(finish.length, 2))
    await settle()
    const statuses = await Promise.all(
      responses.map(async (response) => {
        const { status, body } = await response
        if (status === 503) await body?.cancel()
        return status
      }),
    )
    assert.deepEqual(statuses.sort(), [200, 503])
    for (const response of responses) await (await response).body?.cancel().catch(() => undefined)
    await eventually(() => assert.equal(system.streams.sockets(), 0))
  })

  it('is closed with 4500 when that takes longer than 5 s', async () => {
    const client = await waiting('alice')
    const { code, reason } = await client.ended
    assert.deepEqual([code, reason], [4500, 'the token could not be checked in time'])
  })

  it('has shown it in time when the first frame came within 5 s, however long the check takes then', async () => {
    await system.stop()
    system = await startStreams({ authenticator, rules: { anonymous: [] } })
    const client = openClient(`${system.url}/ws/alerts`)
    await once(client.socket, 'open')
    await setTimeout(2_500)
    client.send({ type: 'auth', token: 'alice' })
    await eventually(() => assert.equal(finish.length, 1))
    await setTimeout(4_000)
    await settle()
    await client.next('connected')
    await client.close()
  })

  it('counts as drained when the process ends meanwhile', async () => {
    const client = await waiting('alice')
    await system.streams.drain(0)
    await settle()
    assert.equal((await client.ended).code, 4501)
  })
})
