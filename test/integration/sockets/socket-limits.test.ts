import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { connectRedis } from '../../../src/redis/connect.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { redisForTests } from '../../support/redis.ts'
import { connectClient, openClient, refusedHandshake, type StreamClient } from '../../support/stream-client.ts'
import { openRawClient } from '../../support/stream-raw-client.ts'
import { principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'
import { authenticator } from '../../support/stream-tokens.ts'

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

describe('the number of sockets', () => {
  let systems: TestStreams[]
  beforeEach(() => {
    systems = []
  })
  afterEach(async () => {
    for (const system of systems) {
      assert.deepEqual(system.errors, [])
      await system.stop()
    }
  })
  async function start(...options: Parameters<typeof startStreams>): Promise<TestStreams> {
    const system = await startStreams(...options)
    systems.push(system)
    return system
  }

  it('of a user is limited by tier: the newest comes in and the oldest goes with 4409', async () => {
    const system = await start({ socketsPerUser: 2 })
    const open = (token: string) => connectClient(`${system.url}/ws/alerts?token=${token}`)
    const [first, second, bob] = [await open('alice'), await open('alice'), await open('bob')]
    const third = await open('alice')
    assert.deepEqual(await first.ended, { code: 4409, reason: 'replaced by a newer connection' })
    const nobody = await connectClient(`${system.url}/ws/alerts`)
    nobody.send({ type: 'auth', token: 'alice' })
    await nobody.next('authenticated')
    assert.equal((await second.ended).code, 4409)
    assert.equal(await system.metric('ara_sockets_closed_total'), 2)
    for (const client of [third, bob, nobody]) assert.equal((await client.close()).code, 1005)
  })

  it('of a user with one whose client vanished keeps the live ones: the silent one goes first', async () => {
    const system = await start({ socketsPerUser: 4, probing: { everySeconds: 1, answerSeconds: 2 } })
    const link = await startFaultProxy(system.port)
    const live = await connectClient(`${system.url}/ws/alerts?token=alice`)
    const vanished = await openRawClient(link.port, '/ws/alerts?token=alice')
    await eventually(() => assert.equal(system.streams.sockets(), 2))
    link.goSilent()
    const others = [await connectClient(`${system.url}/ws/alerts?token=alice`)]
    const mute = await openRawClient(system.port, '/ws/alerts?token=alice')
    await setTimeout(6_000)
    assert.equal(system.streams.sockets(), 4)
    for (let count = 0; count < 2; count += 1) {
      others.push(await connectClient(`${system.url}/ws/alerts?token=alice`))
    }
    await eventually(async () =>
      assert.deepEqual(await system.byLabel('ara_sockets_closed_total', 'code'), { 4409: 2 }),
    )
    assert.equal((await mute.readOn()).code, 4409)
    for (const client of [live, ...others]) assert.equal((await client.close()).code, 1005)
    vanished.destroy()
    await link.close()
  })

  it('of a user follows the tier of the newest token, also of one that is renewed in place', async () => {
    const tiers = { free: 2, pro: 3, enterprise: 4 }
    const system = await start({ socketsPerUser: tiers, authenticator })
    const open = (token: string) => connectClient(`${system.url}/ws/alerts?token=${token}`)
    const renew = async (client: StreamClient | undefined, token: string) => {
      client?.send({ type: 'auth', token })
      await client?.next('authenticated')
    }
    const clients = [await open('alice'), await open('alice')]
    await renew(clients[0], 'alice-pro')
    clients.push(await open('alice-pro'))
    for (const client of clients) client.send({ type: 'ping' })
    await Promise.all(clients.map((client) => client.next('pong')))
    await renew(clients[2], 'alice')
    assert.equal((await clients[0]?.ended)?.code, 4409)
    await renew(clients[1], 'alice-producer')
    clients.push(await open('alice'))
    for (const client of clients.slice(1)) assert.equal((await client.close()).code, 1005)
  })

  it('of a user is limited over all processes', async () => {
    const server = await redisForTests()
    const log = openLog({ level: 'silent', name: 'test' })
    const redis = connectRedis(server.url, { name: 'test', log, kind: 'producer' })
    await eventually(() => redis.ping())
    const [one, other] = [await start({ redis, socketsPerUser: 2 }), await start({ redis, socketsPerUser: 2 })]
    const user = `user-${process.pid}-${Date.now()}`
    const open = async (system: TestStreams) => {
      const client = await connectClient(`${system.url}/ws/alerts?token=${user}`)
      const key = `ara:{sockets}:user:${user}`
      await eventually(async () => assert.ok((await redis.zcard(key)) > 0))
      return client
    }
    const [first, second, third] = [await open(one), await open(other), await open(other)]
    assert.equal((await first.ended).code, 4409)
    for (const client of [second, third]) assert.equal((await client.close()).code, 1005)
    await eventually(async () => assert.equal(await redis.exists(`ara:{sockets}:user:${user}`), 0))
    for (const system of systems) await system.stop()
    systems = []
    redis.disconnect()
    await server.stop()
  })

  it('of producers and admins is not limited', async () => {
    const stream = async (role: string) => principal('ann', { role: role as 'producer' | 'admin' })
    const system = await start({ socketsPerUser: 1, authenticator: { ...tokensAreNames, stream } })
    const tokens = ['producer', 'producer', 'admin', 'admin']
    const clients = await Promise.all(tokens.map((token) => connectClient(`${system.url}/ws/alerts?token=${token}`)))
    for (const client of clients) assert.equal((await client.close()).code, 1005)
  })

  it('of an address is limited: one too many is told with 4529 when to come back', async () => {
    const system = await start({ trustedProxies: 1, rules: { maxSocketsPerAddress: 2 } })
    const url = `${system.url}/ws/alerts`
    const clients = [await connectClient(url, from('192.0.2.1')), await connectClient(url, from('192.0.2.1'))]
    const { code, reason } = await openClient(url, from('192.0.2.1')).ended
    assert.deepEqual([code, JSON.parse(reason)], [4529, { retry_after_ms: 30_000 }])
    clients.push(await connectClient(url, from('192.0.2.2')))
    await clients[0]?.close()
    await eventually(() => system.streams.sockets() === 2)
    await (await connectClient(url, from('192.0.2.1'))).close()
    for (const client of clients.slice(1)) await client.close()
  })

  it('of handshakes of an address is limited: a flood gets 429 before the handshake', async () => {
    const system = await start({ trustedProxies: 1, rules: { handshakesPerMinute: 3 } })
    const url = `${system.url}/ws/alerts`
    for (let count = 0; count < 3; count += 1) await (await connectClient(url, from('192.0.2.1'))).close()
    const { status, retryAfter = '' } = await refusedHandshake(url, from('192.0.2.1'))
    assert.equal(status, 429)
    assert.match(retryAfter, /^([1-9]|[1-5]\d|60)$/)
    assert.equal(await system.metric('ara_sockets_turned_away_total'), 1)
    await (await connectClient(url, from('192.0.2.2'))).close()
  })
})
