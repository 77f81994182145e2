import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { ASK } from '../../../src/redis/run-id.ts'
import type { Backplane } from '../../../src/streams/backplane.ts'
import { createRedisBackplane } from '../../../src/streams/redis-backplane.ts'
import { keysOf, READ } from '../../../src/streams/redis-scripts.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type ClusterTopology, startCluster } from '../../support/redis-topology.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, type StreamClient } from '../../support/stream-client.ts'
import { course } from '../../support/stream-resume.ts'
import { prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

const STREAM = 'market-data/AAPL'
const STATE = keysOf(STREAM).state
const TAKEN_OVER = { timeoutMs: 20_000 }
const log = openLog({ level: 'silent', name: 'test' })

describe('a stream whose slot moves to another server of the cluster', () => {
  let cluster: ClusterTopology
  let webs: TestStreams[]
  let clients: StreamClient[]

  before(async () => {
    cluster = await startCluster('another key')
    webs = await Promise.all([1, 2].map(async () => startStreams({ backplane: await open() })))
    clients = await Promise.all(webs.map(({ url }) => connectClient(`${url}/ws/${STREAM}?snapshot=false`)))
  })
  after(async () => {
    for (const web of webs) await web.stop()
    await cluster.stop()
  })

  async function open(): Promise<Backplane> {
    const backplane = createRedisBackplane({ url: cluster.url, log, history: { messages: 1000, seconds: 300 } })
    await eventually(() => backplane.check())
    return backplane
  }
  const position = () => webs[0]?.backplane.position(STREAM)
  const publish = () => eventually(() => webs[1]?.backplane.publish(prices('AAPL', 1)), TAKEN_OVER)

  async function publishWhile(work: Promise<void>): Promise<void> {
    let over = false
    const ending = work.finally(() => {
      over = true
    })
    while (!over) {
      await publish()
      await setTimeout(2)
    }
    await ending
  }

  it('goes on in one numbering, without a gap or a repeat, while it is published and followed', async () => {
    // The servers were started a moment ago; a stream from before them could be one that they have loaded.
    await setTimeout(4_000)
    await publish()
    const epoch = clients[0]?.frames[0]?.['epoch']
    for (const pauseMs of [100, 0, 300]) {
      await publishWhile(cluster.moveSlot(STATE, pauseMs))
      for (let n = 0; n < 10; n += 1) await publish()
    }
    await eventually(() => {
      const last = Number(clients[1]?.numbers().at(-1))
      assert.ok(last > 30)
      for (const client of clients) assert.deepEqual(course(client), range(1, last))
    }, TAKEN_OVER)
    assert.equal(position()?.epoch, epoch)
    const back = await connectClient(`${webs[0]?.url}/ws/${STREAM}?snapshot=false&since=3&epoch=${epoch}`)
    await eventually(() => assert.deepEqual(course(back), range(4, Number(position()?.seq))))
    await back.close()
    assert.deepEqual(
      webs.flatMap(({ errors }) => errors),
      [],
    )
  })
})

describe('a stream that a server of the cluster has from another run', () => {
  const { state, history } = keysOf(STREAM)
  let server: TestRedis
  let redis: Redis
  before(async () => {
    server = await startRedis()
    redis = new Redis(server.url)
    await eventually(async () => assert.ok(Number(/uptime_in_seconds:(\d+)/.exec(await redis.info('server'))?.[1]) > 3))
  })
  after(async () => {
    redis.disconnect()
    await server.stop()
  })

  /** @returns the epoch that a process is told when the stream was last published to so many seconds ago */
  async function epochAfter(seconds: number): Promise<unknown> {
    await redis.hset(state, { epoch: 'old', run: 'another', seq: 7, at: Math.floor(Date.now() / 1000) - seconds })
    const read = () => redis.eval(READ, 2, state, history, 'new', ASK, '', 0, 10)
    const [epoch, seq] = (await read()) as [string, string]
    assert.equal(seq, epoch === 'old' ? '7' : '0')
    // What was decided stays.
    assert.equal(((await read()) as [string])[0], epoch)
    return epoch
  }

  it('goes on when it was published to since the server started, so that it can only have moved there', async () => {
    assert.equal(await epochAfter(0), 'old')
  })

  it('begins anew when it may come from a dump of the server', async () => {
    assert.equal(await epochAfter(3_600), 'new')
  })

  it('begins anew when the server was a replica, which may have lacked writes', async () => {
    await redis.replicaof('127.0.0.1', 1)
    await redis.replicaof('NO', 'ONE')
    assert.equal(await epochAfter(0), 'new')
  })
})
