import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type AttemptJob, type DeliveryQueue, openDeliveryQueue } from '../../../src/queues/delivery-queue.ts'
import { AttemptFailed, openDeliveryWorker } from '../../../src/queues/delivery-worker.ts'
import type { QueueStore } from '../../../src/queues/store.ts'
import { connectRedis } from '../../../src/redis/connect.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { createDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'

const log = openLog({ level: 'silent', name: 'test' })
const closers: (() => unknown)[] = []

const STORES: Record<string, () => Promise<QueueStore>> = {
  async PostgreSQL() {
    const database = await createDatabase()
    closers.push(() => database.drop())
    return { kind: 'postgres', url: database.url }
  },
  async Redis() {
    return storeOn(await newRedis())
  },
}

describe('the delivery queue', () => {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  for (const [name, openStore] of Object.entries(STORES)) {
    it(`in ${name} takes a number again whose job made no attempt, and keeps the job of an attempt that failed`, async () => {
      const store = await openStore()
      const queue = await openQueue(store)
      const ran: number[] = []
      const job = { delivery_id: 'one', attempt: 1, webhook_id: 'two' }
      await openWorker(store, async () => {
        const count = ran.push(1)
        if (count === 1) throw new Error('The database is away')
        if (count === 2) return false
        throw new AttemptFailed('bad_status (500)')
      })
      for (const count of [1, 2, 3]) {
        await queue.add([job])
        await eventually(() => ran.length === count)
        await eventually(async () => (await queue.current().getJobCounts('active', 'waiting'))['active'] === 0)
      }
      const [failed, ...others] = await eventually(async () => {
        const jobs = await queue.current().getFailed()
        assert.ok(jobs.length > 0)
        return jobs
      })
      assert.deepEqual([failed?.id, failed?.data, failed?.failedReason], ['one~1', job, 'bad_status (500)'])
      assert.deepEqual(others, [])
      await queue.add([job])
      await setTimeout(200)
      assert.equal(ran.length, 3)
    })
  }

  it('rejects in time while Redis is away, and takes and runs jobs again when it is back', async () => {
    const redis = await newRedis()
    const store = storeOn(redis)
    const queue = await openQueue(store)
    const ran: string[] = []
    await openWorker(store, async (job) => ran.push(job.delivery_id) > 0)
    await redis.kill()
    for (let times = 0; times < 4; times += 1) {
      const before = performance.now()
      await assert.rejects(queue.add([{ delivery_id: 'lost', attempt: 1, webhook_id: 'two' }]))
      assert.ok(performance.now() - before < 3_500)
      await setTimeout(100)
    }
    await redis.restart()
    const kept = { delivery_id: 'kept', attempt: 1, webhook_id: 'two' }
    await eventually(() => queue.add([kept]).then(() => true), { timeoutMs: 15_000 })
    await eventually(() => ran.includes('kept'), { timeoutMs: 15_000 })
  })

  it('takes and runs jobs again after its link to Redis went silent without a word', async () => {
    const redis = await newRedis()
    const proxy = await startFaultProxy(redis.port)
    closers.push(() => proxy.close())
    const store = storeOn({ url: `redis://127.0.0.1:${proxy.port}` })
    const queue = await openQueue(store)
    const ran: string[] = []
    await openWorker(store, async (job) => ran.push(job.delivery_id) > 0)
    proxy.goSilent()
    await assert.rejects(queue.add([{ delivery_id: 'lost', attempt: 1, webhook_id: 'one' }]))
    await proxy.mend()
    const add = () => queue.add([{ delivery_id: 'kept', attempt: 1, webhook_id: 'one' }])
    await eventually(() => add().then(() => true), { timeoutMs: 30_000 })
    await eventually(() => ran.includes('kept'), { timeoutMs: 30_000 })
  })

  it("adds and ends jobs together in Redis, and what is wrong with one of them is that one's alone", async () => {
    const redis = await newRedis()
    const store = storeOn(redis)
    const queue = await openQueue(store)
    const ids = Array.from({ length: 120 }, (_, index) => `job-${index}`)
    const running: string[] = []
    const errors: string[] = []
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const worker = await openDeliveryWorker({
      ...{
        store,
        lane: 'quick',
        name: 'test',
        concurrency: ids.length,
        onError: (error) => errors.push(String(error)),
      },
      async attempt(job) {
        running.push(job.delivery_id)
        await released
        return true
      },
    })
    closers.push(() => worker.close(500))
    const client = new Redis(redis.url)
    closers.push(() => client.disconnect())
    await client.config('RESETSTAT')
    await queue.add([...ids, ...ids].map((id) => ({ delivery_id: id, attempt: 1, webhook_id: 'two' })))
    assert.ok((await scriptsRun(client)) < 10)
    worker.run()
    await eventually(() => running.length === ids.length)
    assert.deepEqual([...running].sort(), [...ids].sort())
    await client.del('{ara}:deliveries:job-7~1')
    await client.config('RESETSTAT')
    release()
    await eventually(async () => (await queue.current().getJobCounts('active'))['active'] === 1)
    assert.deepEqual(await client.lrange('{ara}:deliveries:active', 0, -1), ['job-7~1'])
    assert.ok((await scriptsRun(client)) < 40)
    await eventually(() => errors.length > 0)
    assert.deepEqual(
      errors.filter((error) => !error.includes('Missing key for job job-7~1')),
      [],
    )
  })

  it('leaves no connection behind when it is closed, nor when it is closed while Redis is away', async () => {
    const redis = await newRedis()
    const store = storeOn(redis)
    await (await openQueue(store)).close()
    await (await openWorker(store, async () => true)).close(1_000)
    assert.deepEqual(await clientsOf(redis), [])
    const [queue, worker] = [await openQueue(store), await openWorker(store, async () => true)]
    await redis.kill()
    await setTimeout(300)
    const before = performance.now()
    await Promise.all([queue.close(), worker.close(500)])
    assert.ok(performance.now() - before < 4_000)
    await redis.restart()
    await setTimeout(2_500)
    assert.deepEqual(await clientsOf(redis), [])
  })
})

async function scriptsRun(client: Redis): Promise<number> {
  const calls = (await client.info('commandstats')).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)
  return [...calls].reduce((sum, [, count]) => sum + Number(count), 0)
}

async function newRedis(): Promise<TestRedis> {
  const redis = await startRedis()
  closers.push(() => redis.stop())
  return redis
}

function storeOn(redis: Pick<TestRedis, 'url'>): QueueStore {
  return { kind: 'redis', connect: (kind) => connectRedis(redis.url, { name: kind, log, kind }) }
}

async function openQueue(store: QueueStore): Promise<DeliveryQueue> {
  const queue = await openDeliveryQueue({ store, lane: 'quick', onError: () => undefined })
  closers.push(() => queue.close())
  return queue
}

async function openWorker(store: QueueStore, attempt: (job: AttemptJob) => Promise<boolean>) {
  const worker = await openDeliveryWorker({
    store,
    lane: 'quick',
    name: 'test',
    concurrency: 2,
    attempt,
    onError: () => undefined,
  })
  worker.run()
  closers.push(() => worker.close(500))
  return worker
}

/** The names of the connections to a Redis but for the one that asks. */
async function clientsOf(redis: TestRedis): Promise<string[]> {
  const client = new Redis(redis.url)
  try {
    const list = String(await client.client('LIST'))
    return list
      .split('\n')
      .flatMap((line) => (/cmd=client/.test(line) ? [] : (/ name=(\S*)/.exec(line)?.slice(1) ?? [])))
  } finally {
    client.disconnect()
  }
}
