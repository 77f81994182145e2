import assert from 'node:assert/strict'
import { Registry } from 'prom-client'
import type { Input } from '../../../src/http/route.ts'
import { type Check, healthRoutes } from '../../../src/http/routes/health.ts'

describe('readiness', () => {
  let accepting: boolean
  beforeEach(() => {
    accepting = true
  })

  async function ready(checks: Record<string, Check>) {
    const routes = healthRoutes({
      checks,
      accepting: () => accepting,
      registry: new Registry(),
      metricsToken: undefined,
    })
    const ctx = { status: 200 }
    const input = { ctx } as unknown as Input<unknown, unknown, unknown>
    const body = await routes.find(({ path }) => path === '/health/ready')?.handle(input)
    return { status: ctx.status, body }
  }
  const well = async () => undefined

  it('names what does not answer within a second beside what does', async () => {
    const startedAt = performance.now()
    const answer = await ready({ database: well, backplane: () => new Promise(() => undefined) })
    assert.ok(performance.now() - startedAt < 2_000)
    const parts = { database: 'ok', backplane: 'no answer within 1000 ms' }
    assert.deepEqual(answer, { status: 503, body: { status: 'not_ready', parts } })
  })

  it('gives the code of an error as the reason and never its words', async () => {
    const secret = Object.assign(new Error('connect postgres://ara:password@10.0.0.1'), { code: 'ECONNREFUSED' })
    const checks = { database: () => Promise.reject(secret), queue: () => Promise.reject(new Error('password')) }
    const parts = { database: 'unavailable (ECONNREFUSED)', queue: 'unavailable' }
    assert.deepEqual(await ready(checks), { status: 503, body: { status: 'not_ready', parts } })
  })

  it('ends when the process drains, though every part is well', async () => {
    accepting = false
    const parts = { database: 'ok' }
    assert.deepEqual(await ready({ database: well }), { status: 503, body: { status: 'draining', parts } })
  })
})
