import assert from 'node:assert/strict'
import type { Role, Tier } from '../../../src/identity/principal.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type Answer, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const ME = '/api/v1/auth/me'
const LIMITS = { RATE_LIMIT_FREE: '3', RATE_LIMIT_PRO: '5', RATE_LIMIT_ENTERPRISE: '7' }

const ask = (system: WebSystem, sub: string, role: Role = 'user', tier: Tier = 'free') =>
  system.call('GET', ME, { token: system.token(sub, role, tier) })

function limitHeaders({ headers }: Answer): (number | null)[] {
  return ['limit', 'remaining', 'reset'].map((name) => {
    const value = headers.get(`x-ratelimit-${name}`)
    return value === null ? null : Number(value)
  })
}

describe('the limit of requests per minute', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem(LIMITS)
  })
  after(() => system.stop())

  it('is 60, 300 and 3000 when nothing else is set', async () => {
    const settings = { RATE_LIMIT_FREE: '', RATE_LIMIT_PRO: '', RATE_LIMIT_ENTERPRISE: '' }
    const usual = await startWebSystem(settings)
    try {
      for (const [tier, limit] of [
        ['free', 60],
        ['pro', 300],
        ['enterprise', 3000],
      ] as const) {
        const [shown, remaining] = limitHeaders(await ask(usual, tier, 'user', tier))
        assert.deepEqual([shown, remaining], [limit, limit - 1])
      }
    } finally {
      await usual.stop()
    }
  })

  for (const [tier, limit] of [
    ['free', 3],
    ['pro', 5],
    ['enterprise', 7],
  ] as const) {
    it(`counts down for ${tier} and then refuses until the minute is over`, async () => {
      for (let remaining = limit - 1; remaining >= 0; remaining -= 1) {
        const answer = await ask(system, `a-${tier}`, 'user', tier)
        const [shown, left, reset = 0] = limitHeaders(answer)
        assert.deepEqual([answer.status, shown, left], [200, limit, remaining])
        const seconds = Number(reset) - Date.now() / 1000
        assert.ok(seconds > 0 && seconds < 62, `resets in ${seconds} s`)
      }
      const refused = await ask(system, `a-${tier}`, 'user', tier)
      assert.deepEqual([refused.status, refused.body.error], [429, 'rate_limited'])
      assert.deepEqual(limitHeaders(refused).slice(0, 2), [limit, 0])
      assert.match(refused.headers.get('retry-after') ?? '', /^([1-9]|[1-5]\d|60)$/)
    })
  }

  it('counts the tokens and keys of one user together and users apart', async () => {
    const key = (
      await system.call('POST', '/api/v1/auth/api-keys', { token: system.token('bob'), body: { name: 'k' } })
    ).body.key
    assert.equal((await system.call('GET', ME, { apiKey: key })).headers.get('x-ratelimit-remaining'), '1')
    assert.deepEqual(limitHeaders(await ask(system, 'bob', 'readonly')).slice(0, 2), [3, 0])
    assert.equal((await system.call('GET', ME, { apiKey: key })).status, 429)
    assert.equal((await ask(system, 'carol')).status, 200)
  })

  it('does not hold for producers and admins', async () => {
    for (const role of ['producer', 'admin'] as const) {
      for (let count = 0; count < 10; count += 1) {
        const answer = await ask(system, `a-${role}`, role)
        assert.equal(answer.status, 200)
        assert.deepEqual(limitHeaders(answer), [null, null, null])
      }
    }
  })
})

describe('the limit of requests per minute with Redis', () => {
  let redis: TestRedis
  let systems: [WebSystem, WebSystem]
  before(async () => {
    redis = await startRedis()
    const start = () => startWebSystem({ ...LIMITS, REDIS_URL: redis.url })
    systems = [await start(), await start()]
  })
  after(async () => {
    // A frozen server would keep the systems from closing their connections.
    if (redis) process.kill(redis.pid, 'SIGCONT')
    for (const system of systems ?? []) await system.stop()
    await redis?.stop()
  })

  it('is one for all processes', async () => {
    const [first, second] = systems
    const statuses = []
    for (const system of [first, second, first, second, first]) statuses.push((await ask(system, 'alice')).status)
    assert.deepEqual(statuses, [200, 200, 200, 429, 429])
  })

  it('costs no request more than some 50 ms while Redis hangs, and each process counts alone', async () => {
    const [first, second] = systems
    process.kill(redis.pid, 'SIGSTOP')
    try {
      const statuses = []
      for (const system of [first, first, first, first, second]) {
        const startedAt = performance.now()
        statuses.push((await ask(system, 'bob')).status)
        const ms = performance.now() - startedAt
        assert.ok(ms < 250, `${ms} ms`)
      }
      assert.deepEqual(statuses, [200, 200, 200, 429, 200])
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
  })

  it('is counted alone while Redis is gone, which also costs publishing a 503, and together when it is back', async () => {
    const [first, second] = systems
    await redis.kill()
    const statuses = []
    for (let count = 0; count < 4; count += 1) statuses.push((await ask(first, 'carol')).status)
    assert.deepEqual(statuses, [200, 200, 200, 429])
    const published = await first.call('POST', '/api/v1/publish', {
      token: first.token('models', 'producer'),
      body: { messages: [{ channel: 'market-data', symbol: 'AAPL', data: { close: 1 } }] },
    })
    assert.deepEqual([published.status, published.body.error], [503, 'unavailable'])
    assert.match(published.headers.get('retry-after') ?? '', /^[1-9]/)
    const ready = await first.call('GET', '/health/ready')
    assert.equal(ready.status, 503)
    assert.equal(ready.body.parts.database, 'ok')
    assert.match(ready.body.parts.backplane, /^(unavailable|no answer)/)
    assert.match(ready.body.parts.queue, /^(unavailable|no answer)/)
    await redis.restart()
    await eventually(async () => (await first.call('GET', '/health/ready')).status === 200)
    await eventually(async () => (await second.call('GET', '/health/ready')).status === 200)
    const counts = [await ask(first, 'dave'), await ask(second, 'dave')].map((answer) => limitHeaders(answer)[1])
    assert.deepEqual(counts, [2, 1])
  })
})
