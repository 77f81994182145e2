import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { createRedisWatchedAttempts } from '../../../src/streams/redis-watched-attempts.ts'
import type { MadeAttempt, WatchedAttempts } from '../../../src/streams/watched-attempts.ts'
import { type Logger, openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'

const WATCHED: MadeAttempt = { webhookId: 'w-1', deliveryId: 'd-1', attempt: 3 }
const OTHER: MadeAttempt = { webhookId: 'w-2', deliveryId: 'd-2', attempt: 1 }

describe('attempts that are watched, through Redis', () => {
  let redis: TestRedis
  let spy: Redis
  let heardByAnybody: string[]
  const open: WatchedAttempts[] = []

  before(async () => {
    redis = await startRedis()
  })
  after(() => redis.stop())
  beforeEach(async () => {
    heardByAnybody = []
    spy = new Redis(redis.url)
    spy.on('error', () => undefined)
    await spy.flushall()
    await spy.psubscribe('*')
    spy.on('pmessage', (_pattern, _channel, text) => heardByAnybody.push(text))
  })
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
    spy.disconnect()
  })

  it('reach each process that watches their webhook, and nothing is said of the others', async () => {
    const [worker, first, second] = [connect(true), connect(), connect()]
    const heard = [first, second].map(listen)
    first.watch(new Set(['w-1']))
    second.watch(new Set(['w-1', 'w-3']))
    await eventually(() => {
      worker.made(OTHER)
      worker.made(WATCHED)
      for (const attempts of heard) assert.deepEqual(attempts[0], WATCHED)
    })
    assert.ok(heardByAnybody.every((text) => !text.includes('w-2')))
  })

  it('are looked for without a complaint of a connection that is not ready yet', async () => {
    const warned: unknown[] = []
    const warn = (line: unknown) => void warned.push(line)
    const [worker, web] = [connect(true, { ...openLog({ level: 'silent', name: 'test' }), warn } as Logger), connect()]
    const heard = listen(web)
    web.watch(new Set(['w-1']))
    await eventually(() => {
      worker.made(WATCHED)
      assert.ok(heard.length > 0)
    })
    assert.deepEqual(warned, [])
  })

  it('are not said any more soon after nobody watches', async () => {
    const [worker, web] = [connect(true), connect()]
    const heard = listen(web)
    web.watch(new Set(['w-1']))
    await eventually(() => {
      worker.made(WATCHED)
      assert.ok(heard.length > 0)
    })
    web.watch(new Set())
    await eventually(
      async () => {
        const before = heardByAnybody.length
        worker.made(WATCHED)
        await new Promise((resolve) => setTimeout(resolve, 100))
        assert.equal(heardByAnybody.length, before)
      },
      { timeoutMs: 40_000, everyMs: 500 },
    )
  })

  it('are told again after Redis was away', async () => {
    const [worker, web] = [connect(true), connect()]
    const heard = listen(web)
    web.watch(new Set(['w-1']))
    await eventually(() => {
      worker.made(WATCHED)
      assert.ok(heard.length > 0)
    })
    await redis.kill()
    for (let times = 0; times < 3_000; times += 1) worker.made(WATCHED)
    await redis.restart()
    heard.length = 0
    await eventually(
      () => {
        worker.made(WATCHED)
        assert.ok(heard.length > 0)
      },
      { timeoutMs: 40_000 },
    )
  })

  function connect(makesAttempts = false, log = openLog({ level: 'silent', name: 'test' })): WatchedAttempts {
    const attempts = createRedisWatchedAttempts({ url: redis.url, log, makesAttempts, saidSeconds: 6 })
    open.push(attempts)
    return attempts
  }

  function listen(attempts: WatchedAttempts): MadeAttempt[] {
    const heard: MadeAttempt[] = []
    attempts.onMade((attempt) => heard.push(attempt))
    return heard
  }
})
