import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Middleware } from 'koa'
import { limitRequests } from '../../../src/http/middleware/rate-limit.ts'
import { connectRedis } from '../../../src/redis/connect.ts'
import { pingRedis } from '../../../src/redis/reachable.ts'
import { createSocketLeases } from '../../../src/sockets/socket-leases.ts'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { createRedisWatchedAttempts } from '../../../src/streams/redis-watched-attempts.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startCluster, startSentinel, type Topology } from '../../support/redis-topology.ts'
import { listenTo, promisesOfABackplane, range } from '../../support/stream-backplane.ts'
import { connectClient, type StreamClient } from '../../support/stream-client.ts'
import { course } from '../../support/stream-resume.ts'
import { prices, principal, startStreams, type TestStreams } from '../../support/stream-server.ts'

const STREAM = 'market-data/AAPL'
const STATE = `ara:stream:{${STREAM}}:state`
/** A server is missed after a second, and the others choose another. */
const TAKEN_OVER = { timeoutMs: 30_000 }
const log = openLog({ level: 'silent', name: 'test' })

const TOPOLOGIES = [
  { name: 'a master that Sentinels name', start: startSentinel },
  { name: 'a cluster', start: () => startCluster(STATE) },
]

for (const { name, start } of TOPOLOGIES) {
  describe(`the backplane on ${name}`, () => {
    let topology: Topology
    const opened: Backplane[] = []

    async function open(): Promise<Backplane> {
      const history = { messages: 1000, seconds: 300 }
      const backplane = createRedisBackplane({ url: topology.url, log, history })
      opened.push(backplane)
      await eventually(() => backplane.check())
      return backplane
    }

    before(async () => {
      topology = await start()
    })
    after(async () => {
      await Promise.all(opened.map((backplane) => backplane.close()))
      await topology.stop()
    })

    describe('while all is well', () => {
      promisesOfABackplane(async () => ({ near: await open(), far: await open() }))

      it('brings every symbol to who follows all, also those that appear later', async () => {
        const near = await open()
        const ear = listenTo(near)
        const far = await open()
        await far.publish(prices('BEFORE', 1))
        await near.followAll()
        const symbols = Array.from({ length: 30 }, (_, index) => `NEW${index}`)
        await far.publish(symbols.flatMap((symbol) => prices(symbol, 2)))
        for (const symbol of symbols) {
          await eventually(() => assert.deepEqual(ear.numbers(`market-data/${symbol}`), [1, 2]))
        }
        assert.ok(near.named().includes('market-data/BEFORE'))
      })

      it('tells web processes of the attempts that they watch', async () => {
        const maker = createRedisWatchedAttempts({ url: topology.url, log, makesAttempts: true })
        const watcher = createRedisWatchedAttempts({ url: topology.url, log, makesAttempts: false })
        const made: unknown[] = []
        watcher.onMade((attempt) => void made.push(attempt))
        watcher.watch(new Set(['wh_1']))
        const attempt = { webhookId: 'wh_1', deliveryId: 'dlv_1', attempt: 1 }
        await eventually(() => {
          maker.made(attempt)
          assert.deepEqual(made[0], attempt)
        })
        await Promise.all([maker.close(), watcher.close()])
      })

      it('counts the requests and the sockets of a user over all processes', async () => {
        const connections = [0, 1].map(() => connectRedis(topology.url, { name: 'test', log, kind: 'producer' }))
        await eventually(() => Promise.all(connections.map(pingRedis)))
        const replaced: string[] = []
        const leases = connections.map((redis) =>
          createSocketLeases<string>({
            redis,
            replace: (owner) => void replaced.push(owner),
            onError: () => undefined,
            beatMs: 50,
          }),
        )
        const [here, there] = leases
        here?.take({ connectionId: 'c1', userId: 'alice', most: 1, owner: 'older' })
        await setTimeout(200)
        there?.take({ connectionId: 'c2', userId: 'alice', most: 1, owner: 'newer' })
        await eventually(() => assert.deepEqual(replaced, ['older']))
        await Promise.all(leases.map((one) => one.stop()))
        const counters = connections.map((redis) =>
          limitRequests({ perMinute: { free: 10, pro: 10, enterprise: 10 }, redis }),
        )
        for (let n = 0; n < 6; n += 1) await count(counters[n % 2])
        await eventually(async () => assert.ok((await count(counters[0])) <= 3))
        for (const redis of connections) redis.disconnect()
      })
    })

    describe('when its master dies', () => {
      let webs: TestStreams[]
      let clients: StreamClient[]

      before(async () => {
        webs = await Promise.all([open(), open()].map(async (opening) => startStreams({ backplane: await opening })))
        clients = await Promise.all(webs.map(({ url }) => connectClient(`${url}/ws/${STREAM}`)))
        await publish(3)
        await everybody(1, 2, 3)
      })
      after(async () => {
        for (const web of webs) await web.stop()
      })

      const publish = (count: number) => eventually(() => webs[0]?.backplane.publish(prices('AAPL', count)), TAKEN_OVER)
      const everybody = (...expected: (number | string)[]) =>
        eventually(() => {
          for (const client of clients) assert.deepEqual(course(client), expected)
        }, TAKEN_OVER)

      it('resumes a client of one process on the other', async () => {
        const epoch = clients[0]?.frames[0]?.['epoch']
        const back = await connectClient(`${webs[1]?.url}/ws/${STREAM}?since=1&epoch=${epoch}`)
        await eventually(() => assert.deepEqual(course(back), [2, 3]))
        await back.close()
      })

      it('keeps the sockets, and tells of another epoch where the replica lacked writes', async () => {
        const epoch = clients[0]?.frames[0]?.['epoch']
        const kept = await topology.stopReplication(STATE)
        // Otherwise the test shows nothing: these are lost, and their numbers would be given again.
        assert.deepEqual([kept['seq'], kept['epoch']], ['3', epoch])
        await publish(4)
        await everybody(...range(1, 7))
        await topology.failOver()
        await publish(2)
        await everybody(...range(1, 7), 'gap 8-null', 1, 2)
        const back = await connectClient(`${webs[1]?.url}/ws/${STREAM}?snapshot=false&since=7&epoch=${epoch}`)
        await eventually(() => assert.deepEqual(course(back), ['gap 8-null', 1, 2]))
        await back.close()
        assert.deepEqual(
          webs.map(({ errors }) => errors),
          [[], []],
        )
      })

      it('says gap with a new epoch when everything was lost then', async () => {
        await topology.flushAll()
        await publish(2)
        await everybody(...range(1, 7), 'gap 8-null', 1, 2, 'gap 3-null', 1, 2)
      })
    })
  })
}

/** @returns what is left of a user's requests */
async function count(middleware: Middleware | undefined): Promise<number> {
  const headers: Record<string, string> = {}
  const state = { principal: principal('alice') }
  const ctx = { state, set: (fields: object) => Object.assign(headers, fields) } as unknown as Parameters<Middleware>[0]
  await middleware?.(ctx, async () => undefined)
  return Number(headers['X-RateLimit-Remaining'])
}
