import assert from 'node:assert/strict'
import { EVENT_TYPES } from '../../../src/events/catalogue.ts'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { makeWebhook } from '../../support/rows.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const EVENTS = '/api/v1/events'
const ALERT = { event_type: 'alert_triggered', data: { symbol: 'AAPL', message: 'moved' } }
const HOUR_MS = 3_600_000

describe('events', () => {
  let system: WebSystem
  let producer: string
  before(async () => {
    system = await startWebSystem()
    producer = system.token('models', 'producer')
  })
  after(() => system.stop())

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    system.call('POST', EVENTS, { token: producer, body, headers })
  const read = (path: string, sub = 'alice', role: 'user' | 'producer' | 'admin' = 'user') =>
    system.call('GET', `${EVENTS}${path}`, { token: system.token(sub, role) })
  const count = async (query: string) => {
    const [row] = await system.db.query<{ count: number }>({ text: `SELECT count(*) FROM ${query}` })
    return row?.count
  }

  describe('that are posted', () => {
    it('are answered with 202, their id and time and the number of deliveries, and are stored then', async () => {
      const webhook = await makeWebhook(system.db, { events: ['alert_triggered'] })
      const { status, body } = await post(ALERT)
      assert.equal(status, 202)
      assert.deepEqual(Object.keys(body), ['event_id', 'event_type', 'timestamp', 'deliveries'])
      assert.match(body.event_id, /^evt_[0-9a-f-]{36}$/)
      assert.ok(Math.abs(Date.parse(body.timestamp) - Date.now()) < 60_000)
      assert.deepEqual([body.event_type, body.deliveries], ['alert_triggered', 1])
      const id = body.event_id.slice(4)
      assert.equal(await count(`events WHERE id = '${id}'`), 1)
      assert.equal(await count(`due WHERE event_id = '${id}' AND webhook_id = '${webhook}'`), 1)
      await system.db.query({ text: 'DELETE FROM webhooks WHERE id = $1', values: [webhook] })
    })

    it('are shown with their numbers as they were stored, not rounded to what JavaScript prints', async () => {
      const data = '{"symbol":"AAPL","message":"moved","big":1152921504606846976,"tiny":1e-7}'
      const { body } = await post(`{"event_type":"alert_triggered","data":${data}}`)
      const shown = '"data":{"big": 1152921504606846976, "message": "moved", "symbol": "AAPL", "tiny": 1e-07}'
      for (const path of [`/${body.event_id}`, '?limit=1']) {
        const answer = await read(path)
        assert.ok(answer.text.includes(shown), answer.text)
        assert.equal(typeof answer.body, 'object')
      }
    })

    it('keep what they bring: an id, a time in UTC, a symbol in upper case, further fields', async () => {
      const event_id = publicId('evt', uuidv7())
      const data = { symbol: 'btc-usd', message: 'moved', extra: { deep: [1, null] } }
      const answer = await post({ ...ALERT, event_id, timestamp: '2026-11-23T14:00:00.5+02:00', data })
      assert.deepEqual([answer.body.event_id, answer.body.timestamp], [event_id, '2026-11-23T12:00:00.500Z'])
      const { body } = await read(`/${event_id}`)
      const { accepted_at, ...rest } = body
      assert.match(accepted_at, /Z$/)
      assert.deepEqual(rest, {
        event_id,
        event_type: 'alert_triggered',
        timestamp: '2026-11-23T12:00:00.500Z',
        data: { ...data, symbol: 'BTC-USD' },
        symbol: 'BTC-USD',
        deliveries: [],
        deliveries_truncated: false,
      })
    })

    it('have an id that is a UUIDv7 of within 24 h, and theirs alone', async () => {
      const now = Date.now()
      for (const at of [now - 23 * HOUR_MS, now + 23 * HOUR_MS]) {
        const event_id = publicId('evt', uuidv7(at))
        assert.equal((await post({ ...ALERT, event_id })).status, 202)
        const again = await post({ ...ALERT, event_id })
        assert.deepEqual([again.status, again.body.error], [409, 'event_id_taken'])
      }
      const id = uuidv7()
      const bad = [
        id,
        `wh_${id}`,
        `evt_${id.toUpperCase()}`,
        'evt_',
        publicId('evt', `${id.slice(0, 14)}4${id.slice(15)}`),
      ]
      for (const event_id of [
        ...bad,
        publicId('evt', uuidv7(now - 25 * HOUR_MS)),
        publicId('evt', uuidv7(now + 25 * HOUR_MS)),
      ]) {
        const { status, body } = await post({ ...ALERT, event_id })
        assert.deepEqual([status, body.details?.[0].path], [422, 'event_id'], event_id)
      }
    })

    it('are of a type that producers may publish', async () => {
      for (const event_type of ['webhook_failing', 'webhook_disabled', 'prediction', '', 'toString']) {
        const { status, body } = await post({ event_type, data: { webhook_id: 'wh_1' } })
        assert.deepEqual([status, body.details?.[0].path], [422, 'event_type'], event_type)
      }
    })
  })

  it('have a catalogue with the JSON Schema and an example of each type, which is accepted', async () => {
    const { status, body } = await system.call('GET', '/api/v1/event-types', { token: system.token('alice') })
    assert.equal(status, 200)
    const types: { event_type: string; system_only: boolean; example: unknown; schema: { type: string } }[] =
      body.event_types
    assert.deepEqual(
      types.map((type) => type.event_type),
      EVENT_TYPES,
    )
    for (const { event_type, system_only, example, schema } of types) {
      assert.equal(schema.type, 'object')
      assert.equal((await post({ event_type, data: example })).status, system_only ? 422 : 202, event_type)
    }
  })

  it('are offered to producers without the types that only the system makes', async () => {
    const reasons = async (event_type: string) => (await post({ event_type, data: {} })).body.details[0].reason
    assert.equal(await reasons('webhook_failing'), 'is made by the system only')
    const offered = `must be one of ${EVENT_TYPES.filter((type) => !type.startsWith('webhook_')).join(', ')}`
    assert.equal(await reasons('nothing'), offered)
    const document = (await system.call('GET', '/openapi.json')).body
    const { schema } = document.paths['/api/v1/events'].post.requestBody.content['application/json']
    assert.equal(`must be one of ${schema.properties.event_type.enum.join(', ')}`, offered)
  })

  it('are not what is published: messages are streamed and not stored', async () => {
    const before = await count('events')
    const publish = (messages: unknown) =>
      system.call('POST', '/api/v1/publish', { token: producer, body: { messages } })
    const prediction = { symbol: 'AAPL', predicted_price: 110, current_price: 100, confidence: 0.9 }
    const message = { channel: 'predictions', symbol: 'aapl', data: prediction }
    const price = { channel: 'market-data', symbol: '^GSPC', data: { close: 1 }, timestamp: '2026-11-23T12:00:00Z' }
    const { status, body } = await publish([message, price])
    assert.deepEqual([status, body], [202, { accepted: 2 }])
    assert.equal((await publish(Array.from({ length: 1000 }, () => price))).body.accepted, 1000)
    for (const [messages, path] of [
      [Array.from({ length: 1001 }, () => price), 'messages'],
      [[], 'messages'],
      [[price, { ...price, channel: 'alerts' }], 'messages.1.channel'],
      [[{ ...price, symbol: 'A B' }], 'messages.0.symbol'],
      [[{ ...price, id: 1 }], 'messages.0.id'],
      [[price, { ...message, data: { ...prediction, confidence: 2 } }], 'messages.1.data.confidence'],
      [[{ ...message, data: { ...prediction, symbol: 'MSFT' } }], 'messages.0.data.symbol'],
    ] as const) {
      const refused = await publish(messages)
      assert.deepEqual([refused.status, refused.body.details?.[0].path], [422, path])
    }
    assert.equal((await publish([{ ...price, data: { x: 'x'.repeat(65_536) } }])).status, 413)
    assert.equal(await count('events'), before)
  })
})
