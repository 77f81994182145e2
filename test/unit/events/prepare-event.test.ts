import assert from 'node:assert/strict'
import { ApiError } from '../../../src/errors.ts'
import { canonicalEvent, catalogue } from '../../../src/events/catalogue.ts'
import { EventInput, isPlainEvent, prepareEvent } from '../../../src/events/prepare-event.ts'
import { publicId, uuidTime, uuidv7 } from '../../../src/ids.ts'
import { parseStrictJson } from '../../../src/json/strict-json.ts'

const NOW = new Date('2026-11-23T12:00:00.000Z')
const DAY_MS = 86_400_000

/** Status and details of what was thrown; other errors are bugs. */
function refusal(run: () => unknown): { status: number; paths: string[] } {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    const details = Array.isArray(error.details) ? error.details : []
    return { status: error.status, paths: details.map(({ path }) => path) }
  }
  assert.fail('nothing was refused')
}

const prepare = (input: object) => prepareEvent(EventInput.parse(input), 'producer-1', NOW)

describe('a prepared event', () => {
  const alert = { event_type: 'alert_triggered', data: catalogue.alert_triggered.example }

  it('has an id and a time of now, and the canonical text of its four fields', () => {
    const { stored, answer } = prepare({ ...alert, user_id: 'alice' })
    assert.equal(answer.timestamp, NOW.toISOString())
    assert.equal(answer.event_id, publicId('evt', stored.id))
    assert.equal(uuidTime(stored.id), NOW.getTime())
    assert.deepEqual(parseStrictJson(stored.canonical), { data: alert.data, ...answer })
    assert.equal(stored.canonical, canonicalEvent({ data: alert.data, ...answer }))
    assert.deepEqual(
      [stored.type, stored.symbol, stored.userId, stored.publishedBy, stored.streamed],
      ['alert_triggered', 'AAPL', 'alice', 'producer-1', true],
    )
    assert.equal(prepare({ event_type: 'system_error', data: { message: 'x' } }).stored.streamed, false)
  })

  it('is plain only where the schema lets it through as it is', () => {
    const event = { event_type: 'system_error', data: { message: 'it broke', more: [{ deep: null }] } }
    for (const plain of [event, { ...event, data: {} }, { ...event, event_id: 'any text' }]) {
      assert.ok(isPlainEvent(plain))
      assert.deepEqual(EventInput.parse(plain), plain)
    }
    const others: unknown[] = [null, 'text', 1, [], [event], {}, { data: {} }, { event_type: 'system_error' }]
    for (const event_type of ['', 'nothing', 'webhook_failing', 'constructor', 1, null, ['system_error']]) {
      others.push({ ...event, event_type })
    }
    for (const data of [null, [], 'text', 1]) others.push({ ...event, data })
    others.push({ ...event, event_id: 1 }, { ...event, unknown: 1 }, { ...event, user_id: 'alice' })
    for (const other of others) assert.ok(!isPlainEvent(other), JSON.stringify(other))
  })

  it('keeps a time of its own, in UTC with milliseconds', () => {
    const times: [string, string][] = [
      ['2026-11-23T13:00:00.5+01:00', '2026-11-23T12:00:00.500Z'],
      ['2020-02-29T00:00:00Z', '2020-02-29T00:00:00.000Z'],
      ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ]
    for (const [timestamp, expected] of times) assert.equal(prepare({ ...alert, timestamp }).stored.timestamp, expected)
    for (const timestamp of ['0000-06-01T00:00:00Z', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00']) {
      assert.deepEqual(refusal(() => prepare({ ...alert, timestamp })).paths, ['timestamp'], timestamp)
    }
    for (const timestamp of ['2026-02-30T00:00:00Z', '2026-11-23', '2026-11-23T12:00:00', 'now', 1]) {
      assert.ok(!EventInput.safeParse({ ...alert, timestamp }).success, String(timestamp))
    }
  })

  it('keeps an id of its own when that is a UUIDv7 within a day of now', () => {
    for (const offset of [0, -DAY_MS, DAY_MS]) {
      const event_id = publicId('evt', uuidv7(NOW.getTime() + offset))
      assert.equal(prepare({ ...alert, event_id }).answer.event_id, event_id)
    }
    const wrong = [
      ...[-DAY_MS - 1, DAY_MS + 1, 30 * DAY_MS].map((offset) => publicId('evt', uuidv7(NOW.getTime() + offset))),
      ...['', 'evt_', 'evt_1', uuidv7(NOW.getTime()), publicId('wh', uuidv7(NOW.getTime()))],
      ...[`evt_${uuidv7(NOW.getTime()).toUpperCase()}`, 'evt_0189d3a0-0000-4000-8000-000000000000'],
    ]
    for (const event_id of wrong) {
      const { status, paths } = refusal(() => prepare({ ...alert, event_id }))
      assert.deepEqual([status, paths], [422, ['event_id']], event_id)
    }
  })

  it('has a canonical text of at most 64 KiB, escapes counted', () => {
    const size = (message: string) =>
      prepare({ event_type: 'system_error', data: { message: 'x', more: message } }).stored.canonical.length
    const room = 65_536 - size('')
    assert.equal(size('x'.repeat(room)), 65_536)
    assert.equal(refusal(() => size('x'.repeat(room + 1))).status, 413)
    assert.equal(refusal(() => size('é'.repeat(Math.floor(room / 6) + 1))).status, 413)
    assert.ok(size('é'.repeat(Math.floor(room / 6))) <= 65_536)
  })

  it('takes no other fields, no unknown type and no data that is not an object', () => {
    const wrong = [
      { ...alert, id: 1 },
      { ...alert, event_type: 'other' },
      { ...alert, data: [] },
      { ...alert, data: null },
    ]
    for (const input of [...wrong, { event_type: 'system_error' }, { ...alert, user_id: '' }, [], null]) {
      assert.ok(!EventInput.safeParse(input).success, JSON.stringify(input))
    }
  })

  it('is refused when only the system makes its type', () => {
    for (const event_type of ['webhook_failing', 'webhook_disabled'] as const) {
      const { error } = EventInput.safeParse({ event_type, data: catalogue[event_type].example })
      assert.deepEqual(
        error?.issues.map(({ path, message }) => [path, message]),
        [[['event_type'], 'is made by the system only']],
      )
    }
  })
})
