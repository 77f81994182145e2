import assert from 'node:assert/strict'
import { createClaim } from '../../../src/deliveries/claim.ts'
import { parseId } from '../../../src/ids.ts'
import { ERRORS, type ErrorCode } from '../../../src/openapi/errors.ts'
import { OPERATIONS } from '../../../src/openapi/operations.ts'
import { type DocumentedApi, missingThings, readDocument } from '../../support/documented-api.ts'
import { range } from '../../support/stream-backplane.ts'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const RETRY = `POST ${WEBHOOKS}/:id/deliveries/:delivery_id/retry`
const RECOVER = `POST ${WEBHOOKS}/:id/recover`
const WEBHOOK = { url: 'http://127.0.0.1:9/', events: ['system_error'] }
const EVENT = { event_type: 'system_error', data: { message: 'm' } }
const KEY = { 'Idempotency-Key': 'one' }

/** What a request is refused with that is good by itself. */
const CONFLICTS = (Object.keys(ERRORS) as ErrorCode[]).filter(
  (code) => ERRORS[code].status === 409 || code === 'idempotency_key_reused' || code === 'webhook_limit_reached',
)

describe('the OpenAPI document holds for what is in the way:', () => {
  let system: WebSystem
  let api: DocumentedApi
  let token: string
  let things: ReturnType<typeof missingThings>

  /** Without a worker: what is under way stays so. */
  before(async () => {
    system = await startWebSystem({ WEBHOOKS_FREE: '1' })
    token = system.token('root', 'admin')
    api = await readDocument(system)
  })
  after(() => system.stop())
  /** A webhook with an open delivery. */
  beforeEach(async () => {
    await system.db.query({
      text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events, idempotency_keys, recoveries',
    })
    things = missingThings()
    const webhook = await call(`POST ${WEBHOOKS}`, { body: WEBHOOK })
    await call('POST /api/v1/events', { body: EVENT })
    things = { ...things, webhook: webhook.body.id }
    const { body } = await call(`GET ${WEBHOOKS}/:id/deliveries`)
    things = { ...things, delivery: body.deliveries[0].id }
  })

  function call(name: string, more: Call = {}): Promise<Answer> {
    const [method = '', path = ''] = name.split(' ')
    const ids: Record<string, string> = { ':id': things.webhook, ':delivery_id': things.delivery }
    const address = path.replaceAll(/:\w+/g, (id) => ids[id] ?? assert.fail(id))
    return system.call(method, address, { token, ...more })
  }

  async function twice(name: string, first: Call, second = first): Promise<Answer> {
    const { status, text } = await call(name, first)
    assert.ok(status < 300, text)
    return call(name, second)
  }

  const turnOff = () => call(`PATCH ${WEBHOOKS}/:id`, { body: { active: false } })

  /** By operation and code. */
  const provoked: Record<string, (name: string) => Promise<Answer>> = {
    'POST /api/v1/events event_id_taken': (name) => twice(name, { body: { ...EVENT, event_id: things.event } }),
    'POST /api/v1/events idempotency_key_reused': (name) =>
      twice(name, { headers: KEY, body: EVENT }, { headers: KEY, body: { ...EVENT, data: { message: 'other' } } }),
    'POST /api/v1/events/batch event_id_taken': (name) =>
      twice(name, { body: [EVENT, { ...EVENT, event_id: things.event }] }),
    'POST /api/v1/events/batch idempotency_key_reused': (name) =>
      twice(name, { headers: KEY, body: [EVENT] }, { headers: KEY, body: [EVENT, EVENT] }),
    [`POST ${WEBHOOKS} webhook_limit_reached`]: (name) => twice(name, { token: system.token('alice'), body: WEBHOOK }),
    [`POST ${WEBHOOKS}/:id/rotate-secret rotation_under_way`]: (name) => twice(name, { body: { overlap_seconds: 60 } }),
    [`${RETRY} webhook_inactive`]: async (name) => {
      await turnOff()
      return call(name)
    },
    [`${RETRY} attempt_under_way`]: async (name) => {
      const claim = createClaim({ db: system.db, worker: 'another' })
      assert.ok(await claim({ deliveryId: parseId('dlv', things.delivery) ?? '', attempt: 1 }))
      return call(name)
    },
    [`${RECOVER} webhook_inactive`]: async (name) => {
      await turnOff()
      return call(name, { body: { since: '2026-01-01T00:00:00Z' } })
    },
    [`${RECOVER} recovery_running`]: (name) => twice(name, { body: { since: '2026-01-01T00:00:00Z' } }),
    'POST /api/v1/auth/api-keys too_many_api_keys': async (name) => {
      await Promise.all(range(1, 100).map((n) => call(name, { body: { name: `key ${n}` } })))
      return call(name, { body: { name: 'one more' } })
    },
    'PUT /api/v1/users/:id/block own_user': (name) =>
      system.call('PUT', name.split(' ')[1]?.replace(':id', 'root') ?? '', { token }),
  }

  it('every such error that it promises is provoked here', () => {
    const promised = Object.keys(OPERATIONS).flatMap((name) => {
      const answers = Object.values(api.operation(name).responses)
      const codes = answers.flatMap(({ content }) => Object.keys(content?.['application/json']?.examples ?? {}))
      return CONFLICTS.filter((code) => codes.includes(code)).map((code) => `${name} ${code}`)
    })
    assert.deepEqual(Object.keys(provoked).sort(), promised.sort())
  })

  for (const [title, provoke] of Object.entries(provoked)) {
    it(title, async () => {
      const [method, path, code] = title.split(' ')
      const answer = await provoke(`${method} ${path}`)
      assert.deepEqual([answer.status, answer.body?.error], [ERRORS[code as ErrorCode].status, code], answer.text)
      api.check(`${method} ${path}`, answer)
    })
  }
})
