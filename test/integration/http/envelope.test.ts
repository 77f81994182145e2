import assert from 'node:assert/strict'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { postgresUrl } from '../../support/postgres.ts'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { assertEnvelope } from './assert-envelope.ts'

const EVENT = { event_type: 'system_error', data: { message: 'it broke' } }
const ID = '01939b50-0000-7000-8000-000000000000'

describe('the envelope of errors', () => {
  let system: WebSystem
  let database: FaultProxy
  let user: string
  let producer: string

  before(async () => {
    database = await startFaultProxy(Number(new URL(postgresUrl('postgres')).port))
    system = await startWebSystem({ RATE_LIMIT_PRO: '1' }, { databasePort: database.port })
    user = system.token('alice')
    producer = system.token('models', 'producer')
  })
  after(async () => {
    await system?.stop()
    await database.close()
  })

  const refused = async (status: number, code: string, method: string, path: string, options: Call = {}) => {
    const answer = await system.call(method, path, options)
    assertEnvelope(answer, status, code)
    return answer
  }
  const post = (status: number, code: string, body: unknown, headers: Record<string, string> = {}) =>
    refused(status, code, 'POST', '/api/v1/events', { token: producer, body, headers })

  describe('of status 400', () => {
    it('is malformed_json for what is not JSON', async () => {
      for (const text of ['{', '{"a": 01}', "{'a': 1}", '{"a": NaN}', '[1,]', '\ufeff{}', '{} {}']) {
        await post(400, 'malformed_json', text)
      }
    })

    it('is malformed_text for a body that is not UTF-8', async () => {
      await post(400, 'malformed_text', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))
    })

    it('is empty_body where a body is needed', async () => {
      await post(400, 'empty_body', '')
    })
  })

  it('is unauthorized with 401 and says how to authenticate', async () => {
    const { headers } = await refused(401, 'unauthorized', 'GET', '/api/v1/webhooks')
    assert.equal(headers.get('www-authenticate'), 'Bearer')
  })

  it('is forbidden with 403 for a role that may not', async () => {
    await refused(403, 'forbidden', 'POST', '/api/v1/events', { token: user, body: EVENT })
  })

  it('is not_found with 404 for a path that is none, with or without a token', async () => {
    await refused(404, 'not_found', 'GET', '/')
    await refused(404, 'not_found', 'GET', '/api/v1/nothing', { token: user })
    await refused(404, 'not_found', 'POST', '/api/v2/events', { body: EVENT })
  })

  it('is not_found with 404 for an id that is none or not well-formed', async () => {
    for (const id of [`wh_${ID}`, ID, `evt_${ID}`, 'wh_1', `wh_${ID.toUpperCase()}`, 'wh_%00', '%zz', '..%2fevents']) {
      await refused(404, 'not_found', 'GET', `/api/v1/webhooks/${id}`, { token: user })
    }
  })

  it('is method_not_allowed with 405 and the methods that are allowed', async () => {
    const allowed = [
      ['/api/v1/events', 'HEAD, GET, POST'],
      [`/api/v1/webhooks/wh_${ID}`, 'HEAD, GET, PATCH, DELETE'],
      ['/api/v1/publish', 'POST'],
      ['/health/live', 'HEAD, GET'],
    ] as const
    for (const [path, methods] of allowed) {
      const { headers } = await refused(405, 'method_not_allowed', 'PUT', path, { token: user })
      assert.deepEqual(headers.get('allow')?.split(', ').sort(), methods.split(', ').sort())
    }
  })

  it('is a word of its own with 409', async () => {
    await refused(409, 'own_user', 'PUT', '/api/v1/users/root/block', { token: system.token('root', 'admin') })
  })

  describe('of status 422', () => {
    const paths = ({ body }: Answer) => body.details.map((detail: { path: string }) => detail.path)

    it('names the path and the reason of everything that is wrong', async () => {
      const answer = await post(422, 'validation_failed', { event_type: 'nothing', data: [], timestamp: 'yesterday' })
      assert.deepEqual(paths(answer), ['event_type', 'data', 'timestamp'])
    })

    it('names unknown fields, one by one', async () => {
      const { body } = await post(422, 'validation_failed', { ...EVENT, priority: 1, type: 'x' })
      assert.deepEqual(body.details, [
        { path: 'priority', reason: 'is not a known field' },
        { path: 'type', reason: 'is not a known field' },
      ])
    })

    it('names paths in the data and in the query', async () => {
      const inData = await post(422, 'validation_failed', { event_type: 'alert_triggered', data: { symbol: 'a b' } })
      assert.deepEqual(paths(inData), ['data.symbol', 'data.message'])
      const query = '/api/v1/events?limit=101&cursor=nonsense&since=today&symbol=%20'
      const inQuery = await refused(422, 'validation_failed', 'GET', query, { token: user })
      assert.deepEqual(paths(inQuery).sort(), ['query.cursor', 'query.limit', 'query.since', 'query.symbol'])
    })

    it('names unknown parameters of the query, also where a route has none', async () => {
      const event = await system.call('POST', '/api/v1/events', { token: producer, body: EVENT })
      for (const [path, names] of [
        ['/api/v1/events?foo=1&symbol=AAPL', ['foo']],
        ['/api/v1/webhooks?activ_only=true&page=2', ['activ_only', 'page']],
        ['/api/v1/audit-log?userid=bob', ['userid']],
        ['/api/v1/auth/me?verbose=1', ['verbose']],
        [`/api/v1/events/${event.body.event_id}?deliveries=false`, ['deliveries']],
      ] as const) {
        const { body } = await refused(422, 'validation_failed', 'GET', path, { token: user })
        const expected = names.map((name) => ({ path: `query.${name}`, reason: 'is not a known parameter' }))
        assert.deepEqual(body.details, expected)
      }
    })

    it('refuses a body of another shape', async () => {
      for (const body of [[], 'text', 1, null, true]) await post(422, 'validation_failed', JSON.stringify(body))
    })

    it('refuses what other readers would round, drop or choke on', async () => {
      const bad = [
        '9007199254740993',
        '1e400',
        '{"__proto__": {}}',
        '"\\u0000"',
        '"\\ud800"',
        '['.repeat(63) + ']'.repeat(63),
      ]
      for (const value of bad) {
        await post(422, 'validation_failed', `{"event_type": "system_error", "data": {"message": "m", "x": ${value}}}`)
      }
      const fine = '{"event_type": "system_error", "data": {"message": "m", "x": 1e16, "y": 9007199254740992}}'
      assert.equal((await system.call('POST', '/api/v1/events', { token: producer, body: fine })).status, 202)
    })
  })

  it('is rate_limited with 429 and says when to come back', async () => {
    const token = system.token('hasty', 'user', 'pro')
    await system.call('GET', '/api/v1/auth/me', { token })
    const { headers } = await refused(429, 'rate_limited', 'GET', '/api/v1/auth/me', { token })
    assert.match(headers.get('retry-after') ?? '', /^([1-9]|[1-5]\d|60)$/)
  })

  it('is unavailable with 503 and says when to come back while PostgreSQL is away', async () => {
    const webhook = { url: 'https://receiver.example.org/', events: ['*'] }
    await database.cut()
    try {
      for (const [method, path, options] of [
        ['POST', '/api/v1/events', { token: producer, body: EVENT }],
        ['POST', '/api/v1/events/batch', { token: producer, body: [EVENT] }],
        ['POST', '/api/v1/events', { token: producer, body: EVENT, headers: { 'idempotency-key': 'k' } }],
        ['GET', '/api/v1/events', { token: user }],
        ['POST', '/api/v1/webhooks', { token: user, body: webhook }],
        ['GET', '/api/v1/webhooks', { apiKey: `ara_${'0'.repeat(64)}` }],
      ] as const) {
        const { headers } = await refused(503, 'unavailable', method, path, options)
        assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/)
      }
    } finally {
      await database.mend()
    }
    const { status } = await system.call('POST', '/api/v1/events', { token: producer, body: EVENT })
    assert.equal(status, 202)
  })
})
