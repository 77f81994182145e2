import assert from 'node:assert/strict'
import { Webhook } from 'standardwebhooks'
import { createDeliveryMetrics } from '../../../src/telemetry/delivery-metrics.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { createRegistry } from '../../../src/telemetry/metrics.ts'
import { startWebhookUpkeep } from '../../../workers/webhook-upkeep.ts'
import { eventually } from '../../support/eventually.ts'
import { type Response, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { FAILING } from '../../support/work-attempts.ts'

const WEBHOOKS = '/api/v1/webhooks'
const EVENT = { event_type: 'model_trained', data: { model_id: 'm', model_type: 't' } }

describe('a webhook that is turned off', () => {
  let system: WebSystem
  let token: string
  let producer: string
  const closers: (() => unknown)[] = []

  before(async () => {
    system = await startWebSystem({ DELIVERY_RETRY_BASE_MS: '50' }, { work: true })
    closers.push(() => system.stop())
    token = system.token('alice')
    producer = system.token('models', 'producer')
  })
  after(async () => {
    for (const close of closers.reverse()) await close()
  })
  beforeEach(() => system.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' }))

  async function receiving(respond: () => Response = () => ({ status: 200 })): Promise<TestReceiver> {
    const receiver = await startTestReceiver({ respond })
    closers.push(() => receiver.close())
    return receiver
  }
  const create = async (receiver: TestReceiver, fields: object = {}) => {
    const body = { url: `${receiver.url}/hook`, events: ['model_trained'], ...fields }
    return (await system.call('POST', WEBHOOKS, { token, body })).body
  }
  const show = async (id: string) => (await system.call('GET', `${WEBHOOKS}/${id}`, { token })).body
  const patch = async (id: string, body: object) =>
    (await system.call('PATCH', `${WEBHOOKS}/${id}`, { token, body })).body
  const publish = () => system.call('POST', '/api/v1/events', { token: producer, body: EVENT })
  /** Not waiting for the system's own next one. */
  async function oneRoundOfUpkeep(): Promise<void> {
    const errors: unknown[] = []
    const metrics = createDeliveryMetrics(createRegistry('test'))
    const log = openLog({ level: 'silent', name: 'test' })
    const onError = (error: unknown) => void errors.push(error)
    await startWebhookUpkeep({ db: system.db, rules: FAILING, metrics, log, onError }).stop()
    assert.deepEqual(errors, [])
  }
  const open = () => system.db.query({ text: 'SELECT 1 FROM due' })

  it('by a 410 at once: its owner’s other webhook is told, signed like all else', async () => {
    const [gone, ear] = [await receiving(() => ({ status: 410 })), await receiving()]
    const webhook = await create(gone)
    const { secret } = await create(ear, { events: ['webhook_disabled'] })
    await publish()
    const request = await eventually(() => ear.received[0] ?? assert.fail(), { timeoutMs: 30_000 })
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const told = new Webhook(secret).verify(request.body, headers) as { event_type: string; data: object }
    const shown = await show(webhook.id)
    assert.deepEqual([shown.active, shown.disabled_reason], [false, 'The receiver answered 410 Gone.'])
    assert.deepEqual(
      [told.event_type, told.data],
      [
        'webhook_disabled',
        { webhook_id: webhook.id, reason: shown.disabled_reason, failing_since: shown.failing_since },
      ],
    )
    const listed = async (sub: string) =>
      (await system.call('GET', '/api/v1/events?event_type=webhook_disabled', { token: system.token(sub) })).body.events
    assert.equal((await listed('alice')).length, 1)
    assert.deepEqual(await listed('bob'), [])
  })

  it('by failing for too long: the upkeep does it, and tells half-way before', async () => {
    const [failing, ear] = [await receiving(() => ({ status: 500 })), await receiving()]
    const webhook = await create(failing, { max_attempts: 1 })
    await create(ear, { events: ['*'], symbols: null })
    for (let count = 0; count < 10; count += 1) await publish()
    await eventually(async () => (await show(webhook.id)).failure_count === 10, { timeoutMs: 30_000 })
    assert.ok(Math.abs(Date.parse((await show(webhook.id)).failing_since) - Date.now()) < 60_000)
    const types = () => ear.received.map((request) => String(request.headers['x-webhook-event']))
    for (const [days, type] of [
      [3, 'webhook_failing'],
      [3, 'webhook_disabled'],
    ] as const) {
      await system.db.query({
        text: 'UPDATE webhook_stats SET failing_since = failing_since - make_interval(days => $1)',
        values: [days],
      })
      await oneRoundOfUpkeep()
      await eventually(() => types().includes(type), { timeoutMs: 30_000 })
    }
    assert.equal((await show(webhook.id)).active, false)
    assert.deepEqual(
      types().filter((type) => type.startsWith('webhook_')),
      ['webhook_failing', 'webhook_disabled'],
    )
  })

  it('is offered what it missed when it is turned on again, and begins anew', async () => {
    const gone = await receiving(() => ({ status: 410 }))
    const { id } = await create(gone)
    await publish()
    await eventually(async () => !(await show(id)).active, { timeoutMs: 30_000 })
    const off = await show(id)
    assert.ok(off.failing_since)
    const { recovery, ...shown } = await patch(id, { active: true })
    assert.deepEqual([shown.active, shown.disabled_reason, shown.failing_since], [true, null, null])
    const { since, ...rest } = recovery
    assert.deepEqual(rest, { href: `${WEBHOOKS}/${id}/recover`, status: 'missing' })
    assert.equal(since, off.updated_at)
    assert.equal((await patch(id, { active: true })).recovery, undefined)
    assert.equal((await patch(id, { description: 'on' })).recovery, undefined)
    await publish()
    await eventually(async () => !(await show(id)).active, { timeoutMs: 30_000 })
  })

  it('keeps the reason and the time when its owner turns it off once more', async () => {
    const { id } = await create(await receiving(() => ({ status: 410 })))
    await publish()
    await eventually(async () => !(await show(id)).active, { timeoutMs: 30_000 })
    const { disabled_reason } = await patch(id, { active: false })
    assert.equal(disabled_reason, 'The receiver answered 410 Gone.')
  })

  it('made off and turned on later, is offered what came since it was made', async () => {
    const made = await create(await receiving(), { active: false })
    const { recovery } = await patch(made.id, { active: true })
    assert.equal(recovery.since, made.created_at)
  })

  it('has nothing open in the end, whatever is accepted while it is switched', async () => {
    const slow = await receiving(() => ({ status: 200, delayMs: 20 }))
    const { id } = await create(slow)
    const switching = (async () => {
      for (let round = 0; round < 10; round += 1) await patch(id, { active: round % 2 === 1 })
      await patch(id, { active: false })
    })()
    const publishing = Array.from({ length: 8 }, async () => {
      for (let count = 0; count < 10; count += 1) assert.equal((await publish()).status, 202)
    })
    await Promise.all([switching, ...publishing])
    await eventually(async () => (await open()).length === 0, { timeoutMs: 60_000 })
    const rows = await system.db.query<{ status: string; attempts: string[] }>({
      text: `SELECT deliveries.status, array_agg(DISTINCT attempts.status) FILTER (WHERE attempts.status IS NOT NULL) AS attempts
             FROM deliveries LEFT JOIN attempts ON delivery_id = id GROUP BY 1`,
    })
    for (const { status, attempts } of rows) {
      assert.ok(['success', 'canceled'].includes(status), status)
      for (const attempt of attempts ?? []) assert.ok(['success', 'superseded', 'unknown'].includes(attempt), attempt)
    }
  })

  it('has a backlog of any length cancelled, the rest of it in the background', async () => {
    const { id } = await create(await receiving(), { active: true })
    await system.db.query({ text: "UPDATE webhooks SET events = '{system_error}'" })
    await system.db.query({
      text: `WITH opened AS (
               INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, max_attempts)
               SELECT uuid_v7(), $1, uuid_v7(), 'model_trained', 'alice', 3 FROM generate_series(1, 6000)
               RETURNING id, event_id)
             INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts, due_at)
             SELECT id, $1, event_id, 3, now() + interval '1 hour' FROM opened`,
      values: [id.slice(3)],
    })
    await patch(id, { active: false })
    assert.ok((await open()).length > 0)
    await oneRoundOfUpkeep()
    await eventually(async () => (await open()).length === 0, { timeoutMs: 60_000 })
    const [row] = await system.db.query({
      text: "SELECT count(*) FROM deliveries WHERE status = 'canceled' AND error = 'canceled'",
    })
    assert.deepEqual(row, { count: 6_000 })
  })

  for (const type of ['webhook_failing', 'webhook_disabled']) {
    it(`cannot be claimed by a producer or an admin: ${type} is made by the system only`, async () => {
      const body = { event_type: type, data: { webhook_id: 'wh_1', reason: 'a lie' }, user_id: 'alice' }
      for (const who of [producer, system.token('root', 'admin')]) {
        for (const [path, sent] of [
          ['/api/v1/events', body],
          ['/api/v1/events/batch', [EVENT, body]],
        ] as const) {
          assert.equal((await system.call('POST', path, { token: who, body: sent })).status, 422)
        }
      }
      assert.deepEqual(await system.db.query({ text: 'SELECT 1 FROM events' }), [])
    })
  }
})
