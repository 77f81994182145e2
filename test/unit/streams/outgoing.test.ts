import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ApiError } from '../../../src/errors.ts'
import { Publication, readPlainMessage, toMessages } from '../../../src/streams/outgoing.ts'

const NOW = new Date('2026-11-23T12:00:00.000Z')
const price = { channel: 'market-data', symbol: 'AAPL', data: { price: 1 } }
const prediction = {
  channel: 'predictions',
  symbol: 'AAPL',
  data: { predicted_price: 110, confidence: 0.5, current_price: 100 },
}

const read = (...messages: object[]) => toMessages(Publication.parse({ messages }), NOW)

/** Status and paths of the refusal. */
function refusal(...messages: object[]) {
  try {
    read(...messages)
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    const details = Array.isArray(error.details) ? error.details : []
    return { status: error.status, paths: details.map(({ path }) => path) }
  }
  assert.fail('nothing was refused')
}

describe('a published message', () => {
  it('has an upper-cased symbol and the time of now when it names none', () => {
    const [message] = read({ ...price, symbol: '^gspc' })
    const timestamp = NOW.toISOString()
    assert.deepEqual(message, { channel: 'market-data', symbol: '^GSPC', data: '{"price":1}', timestamp })
  })

  it('has its numbers with all their digits', () => {
    const exact = '{"big": 1152921504606846976, "name": "\\u00fc", "small": 1e-07}'
    assert.equal(read({ ...price, data: { small: 1e-7, name: 'ü', big: 2 ** 60 } })[0]?.data, exact)
    const plain = { small: 1e-7, name: 'ü', most: Number.MAX_SAFE_INTEGER }
    assert.deepEqual(JSON.parse(read({ ...price, data: plain })[0]?.data ?? ''), plain)
  })

  it('has a zero with its sign, however deep', () => {
    for (const [data, expected] of [
      [{ price: -0 }, '{"price": -0.0}'],
      [{ b: [1, -0], a: 0 }, '{"a": 0, "b": [1, -0.0]}'],
      [{ a: { b: [{ c: -0 }] } }, '{"a": {"b": [{"c": -0.0}]}}'],
      [{ b: 0, a: [0, '-0'] }, '{"b":0,"a":[0,"-0"]}'],
    ] as const) {
      assert.equal(read({ ...price, data })[0]?.data, expected)
    }
    const [completed] = read({ ...prediction, data: { ...prediction.data, lower_bound: -0 } })
    assert.match(completed?.data ?? '', /"lower_bound": -0\.0[,}]/)
  })

  it('keeps its order among the others', () => {
    const sent = Array.from({ length: 1000 }, (_, n) => ({ ...price, data: { n } }))
    assert.deepEqual(
      read(...sent).map(({ data }) => data),
      sent.map(({ data }) => JSON.stringify(data)),
    )
  })

  it('has its own time in UTC, within the years that RFC 3339 has', () => {
    const times: [string, string][] = [
      ['2026-11-23T13:00:00.5+01:00', '2026-11-23T12:00:00.500Z'],
      ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
      ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ]
    for (const [timestamp, expected] of times) assert.equal(read({ ...price, timestamp })[0]?.timestamp, expected)
    for (const timestamp of ['0000-06-01T00:00:00Z', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00']) {
      const { status, paths } = refusal(price, { ...price, timestamp })
      assert.deepEqual([status, paths], [422, ['messages.1.timestamp']], timestamp)
    }
    for (const timestamp of ['2026-11-23', '2026-02-30T00:00:00Z', '2026-11-23T23:59:60Z', '2026-11-23T24:00:00Z', 1]) {
      assert.ok(!Publication.safeParse({ messages: [{ ...price, timestamp }] }).success, String(timestamp))
    }
  })

  it('is completed like prediction_complete on predictions', () => {
    const [message] = read({ ...prediction, symbol: 'aapl' })
    assert.equal(message?.symbol, 'AAPL')
    const data = JSON.parse(message?.data ?? '')
    assert.equal(data.symbol, 'AAPL')
    assert.ok(Math.abs(data.predicted_return - 0.1) < 1e-12)
    assert.equal(read({ ...prediction, data: { ...prediction.data, symbol: 'aapl' } })[0]?.symbol, 'AAPL')
  })

  it('is refused with all that is wrong in any of them', () => {
    const wrong = [
      { ...prediction, data: { ...prediction.data, confidence: 2 } },
      price,
      { ...prediction, data: { ...prediction.data, symbol: 'MSFT' } },
    ]
    const { status, paths } = refusal(...wrong)
    assert.deepEqual([status, paths], [422, ['messages.0.data.confidence', 'messages.2.data.symbol']])
  })

  it('has at most 64 KiB of data', () => {
    const room = 65_536 - '{"x":""}'.length
    assert.equal(read({ ...price, data: { x: 'x'.repeat(room) } }).length, 1)
    assert.equal(refusal({ ...price, data: { x: 'x'.repeat(room + 1) } }).status, 413)
    assert.equal(refusal({ ...price, data: { x: 'é'.repeat(room / 2 + 1) } }).status, 413)
  })

  it('comes among 1 to 1000, on market-data or predictions, with a symbol and an object, and nothing else', () => {
    const wrong = [
      { ...price, channel: 'alerts' },
      { ...price, symbol: 'A B' },
      { ...price, symbol: undefined },
      { ...price, data: [] },
      { ...price, data: 1 },
      { ...price, user_id: 'alice' },
    ]
    for (const message of wrong)
      assert.ok(!Publication.safeParse({ messages: [message] }).success, JSON.stringify(message))
    assert.ok(!Publication.safeParse({ messages: [] }).success)
    assert.ok(!Publication.safeParse({ messages: Array(1001).fill(price) }).success)
    assert.ok(!Publication.safeParse({ messages: [price], id: 1 }).success)
  })
})

describe('a message that is read without the schema', () => {
  const field = <T>(usual: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() })
  const digits = (most: number) => fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, '0'))
  const timestamp = fc.tuple(
    fc.integer({ min: 1000, max: 9999 }),
    digits(13),
    digits(32),
    digits(24),
    digits(60),
    fc.constantFrom('Z', '.5Z', '+01:00', ''),
  )
  const known = fc.record(
    {
      channel: field(fc.constantFrom('market-data', 'predictions', 'alerts')),
      symbol: field(fc.constantFrom('AAPL', 'btc-usd', '^gspc', '', 'ß', 'A'.repeat(21))),
      data: field(fc.dictionary(fc.string(), fc.jsonValue())),
      timestamp: field(timestamp.map(([y, m, d, h, s, zone]) => `${y}-${m}-${d}T${h}:00:${s}${zone}`)),
    },
    { requiredKeys: ['channel', 'symbol', 'data'] },
  )
  const message = fc.oneof(
    { weight: 12, arbitrary: known },
    {
      weight: 1,
      arbitrary: fc
        .tuple(known, fc.dictionary(fc.string(), fc.jsonValue()))
        .map(([one, more]) => ({ ...one, ...more })),
    },
  )

  it('is what the schema reads, and never one that it refuses', () => {
    let read = 0
    const property = fc.property(message, (given) => {
      const value = JSON.parse(JSON.stringify(given))
      const plain = readPlainMessage(value)
      if (plain === null) return
      read += 1
      assert.deepEqual([plain], Publication.parse({ messages: [value] }).messages)
    })
    fc.assert(property, { numRuns: 2_000 })
    assert.ok(read > 100, `only ${read} were read`)
  })

  it('may have the time of any day but the last of a leap February', () => {
    const read = Array.from({ length: 366 }, (_, day) => new Date(Date.UTC(2028, 0, 1 + day)).toISOString()).filter(
      (timestamp) => readPlainMessage({ ...price, timestamp }) !== null,
    )
    assert.equal(read.length, 365)
    assert.ok(!read.some((timestamp) => timestamp.includes('-02-29')))
  })
})
