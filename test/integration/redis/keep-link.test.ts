import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { connectRedis } from '../../../src/redis/connect.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { startSentinel, type Topology } from '../../support/redis-topology.ts'

const log = openLog({ level: 'silent', name: 'test' })

describe('a link to Redis that is told to begin anew while it begins', function () {
  this.timeout(60_000)
  let single: TestRedis
  let topology: Topology
  const links: Redis[] = []

  before(async () => {
    single = await startRedis()
    topology = await startSentinel()
  })
  after(async () => {
    for (const link of links) link.disconnect()
    await topology.stop()
    await single.stop()
  })

  function connect(url: string): Redis {
    const link = connectRedis(url, { name: 'test', log, kind: 'worker' }) as Redis
    links.push(link)
    return link
  }

  /** Twice: the second time it asks where the master is, or does not yet connect. */
  async function beginAnew(link: Redis): Promise<void> {
    await link.ping()
    // It emits an error before, too.
    const ended = new Promise((resolve) => link.once('end', resolve))
    link.once('connecting', () => link.disconnect(true))
    link.disconnect(true)
    await ended
  }

  for (const kind of ['single', 'sentinel']) {
    const url = () => (kind === 'single' ? single.url : topology.url)

    it(`goes on, over ${kind}, and its duplicate does`, async () => {
      const link = connect(url())
      const duplicate = link.duplicate().on('error', () => undefined)
      links.push(duplicate)
      for (const one of [link, duplicate]) {
        await beginAnew(one)
        await eventually(async () => assert.equal(await one.ping(), 'PONG'))
      }
    })

    it(`stays ended, over ${kind}, when it was told to`, async () => {
      const link = connect(url())
      await beginAnew(link)
      link.disconnect()
      await setTimeout(500)
      assert.equal(link.status, 'end')
    })
  }
})
