import assert from 'node:assert/strict'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { type Answer, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const EVENTS = '/api/v1/events'
const EVENT = { event_type: 'system_error', data: { message: 'it broke' } }

describe('an Idempotency-Key', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())
  beforeEach(() => system.db.query({ text: 'TRUNCATE events, announcements, idempotency_keys' }))

  const post = (key: string, body: unknown = EVENT, { path = EVENTS, sub = 'models' } = {}) =>
    system.call('POST', path, {
      token: system.token(sub, 'producer'),
      body,
      headers: { 'idempotency-key': key },
    })
  const stored = async () => {
    const [row] = await system.db.query<{ count: number }>({ text: 'SELECT count(*) FROM events' })
    return row?.count
  }
  const isReplay = ({ headers }: Answer) => headers.get('idempotency-replayed')

  it('gives the same body the stored answer again, marked as a replay, and stores one event', async () => {
    const first = await post('k')
    const second = await post('k')
    assert.deepEqual([first.status, isReplay(first)], [202, null])
    assert.deepEqual([second.status, isReplay(second), second.text], [202, 'true', first.text])
    assert.equal(second.headers.get('content-type'), first.headers.get('content-type'))
    assert.equal(await stored(), 1)
  })

  it('compares the bytes of the body', async () => {
    await post('k', JSON.stringify(EVENT))
    const { status, body } = await post('k', JSON.stringify(EVENT, null, 1))
    assert.deepEqual([status, body.error], [422, 'idempotency_key_reused'])
    assert.equal(await stored(), 1)
  })

  it('makes one event of twenty requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('k')))
    assert.equal(answers.filter((answer) => isReplay(answer) === null).length, 1)
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [202])
    assert.equal(new Set(answers.map((answer) => answer.text)).size, 1)
    assert.equal(await stored(), 1)
  })

  it('is that of one principal on one route', async () => {
    await post('k')
    assert.equal(isReplay(await post('k', EVENT, { sub: 'others' })), null)
    assert.equal(isReplay(await post('k', [EVENT], { path: `${EVENTS}/batch` })), null)
    assert.equal(await stored(), 3)
  })

  it('means the same route however its path is written', async () => {
    await post('k')
    assert.equal(isReplay(await post('k', EVENT, { path: `${EVENTS}/` })), 'true')
    assert.equal(isReplay(await post('k', EVENT, { path: `${EVENTS}?token=b` })), 'true')
  })

  it('replays the answer of a batch', async () => {
    const batch = [EVENT, EVENT]
    const first = await post('k', batch, { path: `${EVENTS}/batch` })
    const second = await post('k', batch, { path: `${EVENTS}/batch` })
    assert.deepEqual([second.status, isReplay(second), second.text], [202, 'true', first.text])
    assert.equal(await stored(), 2)
  })

  it('is free again when its request was refused', async () => {
    const event_id = publicId('evt', uuidv7())
    await post('first', { ...EVENT, event_id })
    assert.equal((await post('k', { ...EVENT, event_id })).status, 409)
    assert.equal((await post('k', { ...EVENT, event_type: 'nothing' })).status, 422)
    assert.equal((await post('k')).status, 202)
  })

  it('that another transaction holds is waited for, at most some 2 s', async () => {
    await system.db.transaction(async (sql) => {
      const columns = '(principal, route, key, body_sha256, response_status, response_body, deliveries)'
      await sql.query({
        text: `INSERT INTO idempotency_keys ${columns} VALUES ('models', 'POST ${EVENTS}', 'k', '', 0, '', '{}')`,
      })
      const startedAt = performance.now()
      const { status, body, headers } = await post('k')
      const ms = performance.now() - startedAt
      assert.deepEqual([status, body.error], [503, 'unavailable'])
      assert.match(headers.get('retry-after') ?? '', /^[1-9]/)
      assert.ok(ms > 1_500 && ms < 3_000, `${ms} ms`)
    })
  })

  it('has 1 to 255 visible ASCII characters', async () => {
    for (const key of ['x'.repeat(256), 'a b', 'aüb', 'ü', '']) {
      const { status, body } = await post(key)
      assert.deepEqual([status, body.details?.[0].path], [422, 'Idempotency-Key'], key)
    }
    assert.equal((await post('!'.repeat(255))).status, 202)
  })
})
