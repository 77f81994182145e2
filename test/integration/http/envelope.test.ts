import assert from 'node:assert/strict'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { type BreakableDatabase, openBreakableDatabase } from './breakable-database.ts'
import { chunked, LAST_CHUNK, rawRequest } from './raw-request.ts'

const EVENT = { event_type: 'system_error', data: { message: 'it broke' } }
const ID = '01939b50-0000-7000-8000-000000000000'
const MIB = 1024 * 1024

describe('the envelope of errors', () => {
  let system: WebSystem
  let database: BreakableDatabase
  let user: string
  let producer: string

  before(async () => {
    database = await openBreakableDatabase()
    system = await startWebSystem({ RATE_LIMIT_PRO: '1' }, { databasePort: database.port })
    user = system.token('alice')
    producer = system.token('models', 'producer')
  })
  after(async () => {
    await system?.stop()
    await database.close()
  })

  /** Asserts that an answer is the envelope of one error and nothing else. */
  function assertEnvelope(answer: Answer, status: number, code: string): void {
    assert.deepEqual([answer.status, answer.body?.error], [status, code], answer.text)
    assert.deepEqual(Object.keys(answer.body), ['error', 'message', 'details', 'timestamp', 'request_id'])
    const { message, details, timestamp, request_id } = answer.body
    assert.match(message, /^\S.*\.$/s)
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000)
    assert.equal(request_id, answer.headers.get('x-request-id'))
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
    if (status === 422 && code === 'validation_failed') {
      assert.ok(details.length > 0)
      for (const detail of details) assert.deepEqual(Object.keys(detail), ['path', 'reason'])
    } else assert.equal(details, null)
  }

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

    it('is bad_request for a path with a malformed escape', async () => {
      await refused(400, 'bad_request', 'GET', '/api/v1/events/%zz', { token: user })
      await refused(400, 'bad_request', 'PUT', '/api/v1/users/%ff/block', { token: system.token('root', 'admin') })
    })

    it('is bad_request for framing that two servers could read in two ways', async () => {
      const heads = [
        ['Content-Length: 2', 'Content-Length: 2'],
        ['Content-Length: 2', 'Transfer-Encoding: chunked'],
        ['Authorization: Bearer a', 'Authorization: Bearer b'],
      ]
      for (const lines of heads) {
        const raw = await rawRequest(system.port, ['POST /api/v1/events HTTP/1.1', 'Host: a', ...lines])
        assertEnvelope({ ...raw, body: JSON.parse(raw.text) }, 400, 'bad_request')
      }
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
    for (const id of [`wh_${ID}`, ID, `evt_${ID}`, 'wh_1', `wh_${ID.toUpperCase()}`, 'wh_%00', '..%2fevents']) {
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

  describe('of status 413', () => {
    const head = (path: string, ...lines: string[]) => [
      `POST ${path} HTTP/1.1`,
      `Host: 127.0.0.1`,
      `Authorization: Bearer ${producer}`,
      'Content-Type: application/json',
      ...lines,
    ]

    it('is payload_too_large for a declared length over 1 MiB, before any of it is sent', async () => {
      const raw = await rawRequest(system.port, head('/api/v1/events', `Content-Length: ${MIB + 1}`))
      assertEnvelope({ ...raw, body: JSON.parse(raw.text) }, 413, 'payload_too_large')
    })

    it('is payload_too_large for a body without a length as soon as it is over', async () => {
      const parts = Array.from({ length: 20 }, () => chunked(Buffer.alloc(64 * 1024, 0x20)))
      const raw = await rawRequest(system.port, head('/api/v1/events', 'Transfer-Encoding: chunked'), parts)
      assertEnvelope({ ...raw, body: JSON.parse(raw.text) }, 413, 'payload_too_large')
    })

    it('comes at 4 MiB for batches', async () => {
      const declared = await rawRequest(system.port, head('/api/v1/events/batch', `Content-Length: ${4 * MIB + 1}`))
      assert.equal(declared.status, 413)
      const parts = Array.from({ length: 65 }, () => chunked(Buffer.alloc(64 * 1024, 0x20)))
      const streamed = await rawRequest(
        system.port,
        head('/api/v1/events/batch', 'Transfer-Encoding: chunked', 'Connection: close'),
        parts,
      )
      assert.equal(streamed.status, 413)
    })

    it('does not come for a body of exactly the limit, with or without a length', async () => {
      const text = JSON.stringify(EVENT)
      const { status } = await system.call('POST', '/api/v1/events', { token: producer, body: text.padEnd(MIB) })
      assert.equal(status, 202)
      const batch = Buffer.from(`[${text}]`.padEnd(4 * MIB))
      const raw = await rawRequest(
        system.port,
        head('/api/v1/events/batch', 'Transfer-Encoding: chunked', 'Connection: close'),
        [chunked(batch), LAST_CHUNK],
      )
      assert.equal(raw.status, 202)
    })

    it('is payload_too_large for an event whose canonical text is over 64 KiB', async () => {
      const data = { message: 'it broke', padding: 'x'.repeat(64 * 1024) }
      await post(413, 'payload_too_large', { ...EVENT, data })
    })
  })

  it('is unsupported_media_type with 415 for another type or a compressed body', async () => {
    const text = JSON.stringify(EVENT)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/x-ndjson', 'application/xml']) {
      await post(415, 'unsupported_media_type', text, { 'content-type': type })
    }
    await post(415, 'unsupported_media_type', text, { 'content-encoding': 'gzip' })
    const accepted = await system.call('POST', '/api/v1/events', {
      token: producer,
      body: text,
      headers: { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'identity' },
    })
    assert.equal(accepted.status, 202)
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

    it('refuses a body of another shape', async () => {
      for (const body of [[], 'text', 1, null, true]) await post(422, 'validation_failed', JSON.stringify(body))
    })

    it('refuses what other readers would round, drop or choke on', async () => {
      const bad = ['9007199254740993', '1e400', '{"__proto__": {}}', '"\\u0000"', '"\\ud800"', '['.repeat(63) + ']'.repeat(63)]
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
    await database.break()
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

describe('the id of a request', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())

  const idOf = async (given?: string) => {
    const headers: Record<string, string> = given === undefined ? {} : { 'x-request-id': given }
    return (await system.call('GET', '/health/live', { headers })).headers.get('x-request-id')
  }

  it('is the one that came, if it is sane', async () => {
    for (const id of ['a', 'Trace_1.2-3', 'x'.repeat(128)]) assert.equal(await idOf(id), id)
  })

  it('is made where none came or the one that came is not sane', async () => {
    const ids = [await idOf(), await idOf('a b'), await idOf('x'.repeat(129)), await idOf('"quoted"'), await idOf('a,b')]
    for (const id of ids) assert.match(id ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(new Set(ids).size, ids.length)
  })
})
