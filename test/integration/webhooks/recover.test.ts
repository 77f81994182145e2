import assert from 'node:assert/strict'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { eventually } from '../../support/eventually.ts'
import { type Response, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { type Answer, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const RECOVERIES = '/api/v1/recoveries'
/** No breaker opens by the failures here. */
const SETTINGS = { DELIVERY_RETRY_BASE_MS: '20', DELIVERY_TIMEOUT_MS: '2000', BREAKER_FAILURES: '50' }
const HOUR_MS = 3_600_000

describe('the recoveries of a webhook', function () {
  this.timeout(120_000)

  let system: WebSystem
  let receiver: TestReceiver
  let user: string
  let respond: () => Response
  before(async () => {
    receiver = await startTestReceiver({ respond: () => respond() })
    system = await startWebSystem(SETTINGS, { work: true })
    user = system.token('alice')
  })
  after(async () => {
    await system?.stop()
    await receiver.close()
  })
  beforeEach(async () => {
    await system.db.query({ text: 'DELETE FROM webhooks' })
    await system.db.query({ text: 'DELETE FROM events' })
    receiver.received.length = 0
    respond = () => ({ status: 200 })
  })

  const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS).toISOString()
  const call = (method: string, path: string, body?: object, token = user) =>
    system.call(method, path, { token, ...(body ? { body } : {}) })
  const create = async (fields: object = {}): Promise<string> => {
    const answer = await call('POST', WEBHOOKS, {
      url: `${receiver.url}/hook`,
      events: ['*'],
      max_attempts: 1,
      ...fields,
    })
    assert.equal(answer.status, 201, answer.text)
    return answer.body.id
  }
  const recover = (id: string, body: object = { since: ago(1) }) => call('POST', `${WEBHOOKS}/${id}/recover`, body)
  const publish = async (count: number) => {
    const events = Array.from({ length: count }, () => ({ event_type: 'system_error', data: { message: 'm' } }))
    const answer = await call('POST', '/api/v1/events/batch', events, system.token('models', 'producer'))
    assert.equal(answer.status, 202, answer.text)
  }
  const untilOver = ({ body }: Answer) =>
    eventually(
      async () => {
        const shown = (await call('GET', `${RECOVERIES}/${body.id}`)).body
        assert.notEqual(shown.status, 'running')
        return shown
      },
      { timeoutMs: 60_000 },
    )
  const count = async (id: string, status: string): Promise<number> =>
    (await call('GET', `${WEBHOOKS}/${id}/deliveries?status=${status}&limit=100`)).body.deliveries.length

  it('deliver what failed while the receiver was away, and tell how far they are', async () => {
    respond = () => ({ status: 500 })
    const id = await create()
    await publish(30)
    await eventually(async () => assert.equal(await count(id, 'failed'), 30), { timeoutMs: 60_000 })
    respond = () => ({ status: 200 })
    receiver.received.length = 0
    const since = ago(1)
    const started = await recover(id, { since })
    assert.equal(started.status, 202, started.text)
    const { id: recovery, created_at, updated_at, until, position, ...rest } = started.body
    assert.match(recovery, /^rcv_/)
    assert.deepEqual(rest, {
      ...{ webhook_id: id, recovers: 'failed', since, status: 'running', progress: 0, recovered: 0, skipped: 0 },
      ...{ reason: null, finished_at: null },
    })
    assert.equal(position, since)
    assert.ok(until <= new Date().toISOString() && created_at <= updated_at)
    const over = await untilOver(started)
    assert.deepEqual([over.status, over.progress, over.recovered, over.skipped], ['completed', 1, 30, 0])
    assert.deepEqual([over.position, typeof over.finished_at], [until, 'string'])
    await eventually(async () => assert.equal(await count(id, 'success'), 30), { timeoutMs: 60_000 })
    assert.deepEqual(new Set(receiver.received.map(({ headers }) => headers['x-webhook-attempt'])), new Set(['2']))
    const webhook = (await call('GET', `${WEBHOOKS}/${id}`)).body
    assert.deepEqual([webhook.delivery_count, webhook.success_count, webhook.failure_count], [30, 30, 0])
  })

  it('deliver what was accepted while the webhook was off', async () => {
    const id = await create({ active: false })
    await publish(20)
    const off = await recover(id, { since: ago(1), status: 'missing' })
    assert.deepEqual([off.status, off.body.error], [409, 'webhook_inactive'])
    await call('PATCH', `${WEBHOOKS}/${id}`, { active: true })
    await publish(1)
    const started = await recover(id, { since: ago(1), status: 'missing' })
    assert.deepEqual([started.status, started.body.recovers], [202, 'missing'])
    const over = await untilOver(started)
    assert.deepEqual([over.status, over.skipped], ['completed', 1])
    await eventually(async () => assert.equal(await count(id, 'success'), 21), { timeoutMs: 60_000 })
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['idempotency-key'])).size, 21)
  })

  it('are one at a time; the running one is named, can be stopped, and another begun', async () => {
    const id = await create()
    const first = await recover(id, { since: ago(1), status: 'missing' })
    const second = await recover(id)
    assert.deepEqual([second.status, second.body.error], [409, 'recovery_running'])
    assert.deepEqual(second.body.details, { recovery_id: first.body.id })
    for (let times = 0; times < 2; times += 1) {
      assert.equal((await call('DELETE', `${RECOVERIES}/${first.body.id}`)).status, 204)
      const stopped = (await call('GET', `${RECOVERIES}/${first.body.id}`)).body
      assert.deepEqual([stopped.status, stopped.reason], ['canceled', 'stopped by its owner'])
    }
    const third = await recover(id)
    assert.equal(third.status, 202)
    await untilOver(third)
  })

  it('end with the webhook, and say so after it is gone', async () => {
    const id = await create()
    const offs: [string, object | undefined][] = [
      ['PATCH', { active: false }],
      ['DELETE', undefined],
    ]
    for (const [method, body] of offs) {
      await call('PATCH', `${WEBHOOKS}/${id}`, { active: true })
      const started = await recover(id, { since: ago(1), status: 'missing' })
      await call(method, `${WEBHOOKS}/${id}`, body)
      const { status, reason } = (await call('GET', `${RECOVERIES}/${started.body.id}`)).body
      assert.deepEqual([status, reason], ['canceled', 'The webhook was turned off or deleted.'])
    }
    assert.equal((await recover(id)).status, 404)
  })

  it('are listed newest first, in pages', async () => {
    const id = await create()
    const made: string[] = []
    for (let times = 0; times < 5; times += 1) {
      const started = await recover(id)
      await untilOver(started)
      made.unshift(started.body.id)
    }
    const seen: string[] = []
    for (let query: string | null = '?limit=2'; query !== null; ) {
      const { body } = await call('GET', `${WEBHOOKS}/${id}/recoveries${query}`)
      seen.push(...body.recoveries.map((recovery: { id: string }) => recovery.id))
      query = body.next_cursor === null ? null : `?limit=2&cursor=${body.next_cursor}`
    }
    assert.deepEqual(seen, made)
  })

  it('take spans of the past only, and begin where the log begins', async () => {
    const id = await create()
    const refusals: [object, string][] = [
      [{}, 'since'],
      [{ since: 'yesterday' }, 'since'],
      [{ since: ago(-1) }, 'since'],
      [{ since: ago(1), until: ago(2) }, 'until'],
      [{ since: ago(24 * 90), until: ago(24 * 60) }, 'until'],
      [{ since: ago(1), status: 'success' }, 'status'],
      [{ since: ago(1), from: ago(2) }, 'from'],
    ]
    for (const [body, path] of refusals) {
      const answer = await recover(id, body)
      assert.deepEqual([answer.status, answer.body.details?.[0].path], [422, path], JSON.stringify(body))
    }
    const started = await recover(id, { since: '2020-01-01T00:00:00Z', until: ago(-5) })
    assert.equal(started.status, 202)
    const days = (Date.now() - Date.parse(started.body.since)) / (24 * HOUR_MS)
    assert.ok(days >= 30 && days < 31, `${days} days`)
    assert.ok(Date.parse(started.body.until) <= Date.now())
    await untilOver(started)
  })

  it('are an owner’s and an admin’s alone', async () => {
    const id = await create()
    const started = await recover(id)
    const theirs = `${RECOVERIES}/${started.body.id}`
    for (const [method, path, body] of [
      ['POST', `${WEBHOOKS}/${id}/recover`, { since: ago(1) }],
      ['GET', theirs, undefined],
      ['GET', `${RECOVERIES}/${publicId('rcv', uuidv7())}`, undefined],
      ['DELETE', theirs, undefined],
    ] as const) {
      assert.equal((await call(method, path, body, system.token('bob'))).status, 404, path)
    }
    const admin = system.token('root', 'admin')
    assert.equal((await call('GET', theirs, undefined, admin)).status, 200)
    assert.equal((await call('DELETE', theirs, undefined, admin)).status, 204)
    const reader = system.token('alice', 'readonly')
    assert.equal((await call('GET', theirs, undefined, reader)).status, 200)
    assert.equal((await call('POST', `${WEBHOOKS}/${id}/recover`, { since: ago(1) }, reader)).status, 403)
    assert.equal((await call('DELETE', theirs, undefined, reader)).status, 403)
  })
})
