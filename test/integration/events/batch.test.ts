import assert from 'node:assert/strict'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { type Answer, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const BATCH = '/api/v1/events/batch'
const EVENT = { event_type: 'system_error', data: { message: 'it broke' } }
const BAD = { event_type: 'alert_triggered', data: { symbol: 'A B' } }

describe('a batch of events', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())
  beforeEach(() => system.db.query({ text: 'TRUNCATE events' }))

  const post = (body: unknown, type = 'application/json') =>
    system.call('POST', BATCH, {
      token: system.token('models', 'producer'),
      body,
      headers: { 'content-type': type },
    })
  const lines = (...items: unknown[]) => items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
  const postLines = (...items: unknown[]) => post(lines(...items).join('\n'), 'application/x-ndjson')
  const stored = async () =>
    (await system.db.query<{ id: string }>({ text: 'SELECT id FROM events' })).map((row) => row.id)
  const paths = ({ body }: Answer): string[] => body.details.map((detail: { path: string }) => detail.path)

  it('is answered with the id of each event, in their order', async () => {
    const event_id = publicId('evt', uuidv7())
    const model = { event_type: 'model_trained', data: { model_id: 'm', model_type: 't' } }
    for (const answer of [await post([EVENT, { ...model, event_id }]), await postLines(model, EVENT)]) {
      assert.equal(answer.status, 202)
      assert.deepEqual(Object.keys(answer.body), ['accepted', 'events'])
      assert.equal(answer.body.accepted, 2)
    }
    const { events } = (await post([EVENT, model])).body
    assert.deepEqual(Object.keys(events[0]), ['event_id', 'event_type', 'timestamp', 'deliveries'])
    assert.deepEqual(
      events.map((event: { event_type: string }) => event.event_type),
      ['system_error', 'model_trained'],
    )
    assert.ok((await stored()).includes(event_id.slice(4)))
    assert.equal((await stored()).length, 6)
  })

  it('may have lines that end with CR LF, blank ones and no last line break', async () => {
    const [line] = lines(EVENT)
    const { status, body } = await post(`${line}\r\n\r\n${line}\n\n  \n${line}`, 'application/x-ndjson; charset=utf-8')
    assert.deepEqual([status, body.accepted], [202, 3])
    assert.equal((await post(`${line}\n`, 'application/ndjson')).body.accepted, 1)
  })

  it('has at most a thousand events', async () => {
    const events = Array.from({ length: 1000 }, () => EVENT)
    assert.equal((await post(events)).body.accepted, 1000)
    assert.equal((await postLines(...events)).body.accepted, 1000)
    for (const answer of [await post([...events, EVENT]), await postLines(...events, EVENT)]) {
      assert.deepEqual([answer.status, answer.body.error], [413, 'payload_too_large'])
    }
    assert.equal((await stored()).length, 2000)
  })

  it('stores nothing when one of its events is bad, and names the place of everything that is wrong', async () => {
    const unknown = { ...EVENT, priority: 1 }
    const expected = ['[1].data.symbol', '[1].data.message', '[3].event_type', '[3].data', '[4].priority']
    for (const answer of [
      await post([EVENT, BAD, EVENT, {}, unknown]),
      await postLines(EVENT, BAD, EVENT, {}, unknown),
    ]) {
      assert.deepEqual([answer.status, answer.body.error], [422, 'validation_failed'])
      assert.deepEqual(paths(answer), expected)
    }
    assert.deepEqual(paths(await post([1, null, [], 'x'])), ['[0]', '[1]', '[2]', '[3]'])
    assert.deepEqual(await stored(), [])
  })

  it('names the event that is too large', async () => {
    const large = { ...EVENT, data: { message: 'm', padding: 'x'.repeat(64 * 1024) } }
    const { status, body } = await post([EVENT, large])
    assert.deepEqual([status, body.error], [413, 'payload_too_large'])
    assert.match(body.message, /^\[1\]: /)
    assert.deepEqual(await stored(), [])
  })

  it('names at most fifty faults', async () => {
    const answer = await post(Array.from({ length: 200 }, () => BAD))
    assert.equal(paths(answer).length, 50)
  })

  it('stores nothing when an id in it is taken or comes twice', async () => {
    const event_id = publicId('evt', uuidv7())
    const twice = await post([EVENT, { ...EVENT, event_id }, { ...EVENT, event_id }])
    assert.deepEqual([twice.status, twice.body.error], [409, 'event_id_taken'])
    assert.deepEqual(await stored(), [])
    await post([{ ...EVENT, event_id }])
    assert.equal((await post([EVENT, { ...EVENT, event_id }])).status, 409)
    assert.equal((await stored()).length, 1)
  })

  it('names the line that is not JSON, and the event that holds what cannot be kept', async () => {
    const malformed = await post(`\n${lines(EVENT)}\n{"event_type":\n`, 'application/x-ndjson')
    assert.deepEqual([malformed.status, malformed.body.error], [400, 'malformed_json'])
    assert.match(malformed.body.message, /^Line 3: /)
    const inexact = await postLines(EVENT, '{"event_type": "system_error", "data": {"message": "m", "x": 1e400}}')
    assert.deepEqual([inexact.status, paths(inexact)], [422, ['[1].data.x']])
    const inArray = await post(
      '[{"event_type": "system_error", "data": {"message": "m"}}, {"data": {"x": [0, 1e400]}}]',
    )
    assert.deepEqual([inArray.status, paths(inArray)], [422, ['[1].data.x[1]']])
    const nul = await postLines(EVENT, '{"event_type": "system_error", "data": {"message": "\\u0000"}}')
    assert.deepEqual([nul.status, paths(nul)], [422, ['[1].data.message']])
    assert.deepEqual(await stored(), [])
  })

  it('is malformed when it is empty, or JSON that is no array', async () => {
    for (const [answer, code] of [
      [await post([]), 'empty_batch'],
      [await post(' \n', 'application/x-ndjson'), 'empty_batch'],
      [await post(''), 'empty_body'],
      [await post(EVENT), 'not_an_array'],
    ] as const) {
      assert.deepEqual([answer.status, answer.body.error], [400, code])
    }
  })
})
