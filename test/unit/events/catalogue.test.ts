import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ApiError } from '../../../src/errors.ts'
import {
  catalogue,
  EVENT_TYPES,
  type EventType,
  eventTypesDocument,
  isEventType,
  validateEventData,
} from '../../../src/events/catalogue.ts'
import type { JsonObject } from '../../../src/json/strict-json.ts'

const published = EVENT_TYPES.filter((type) => !catalogue[type].systemOnly)

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

const prediction = (changes: JsonObject = {}): JsonObject => ({
  symbol: 'AAPL',
  predicted_price: 110,
  confidence: 0.5,
  current_price: 100,
  ...changes,
})
const omit = (given: JsonObject, ...names: string[]) =>
  Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)))

describe('the catalogue', () => {
  it('knows its types and no other word', () => {
    for (const type of EVENT_TYPES) assert.ok(isEventType(type))
    for (const word of ['', '*', 'toString', '__proto__', 'Prediction_complete']) assert.ok(!isEventType(word), word)
  })

  for (const type of EVENT_TYPES) {
    it(`has an example of ${type} that validates and stays as it is`, () => {
      const { data, example } = catalogue[type]
      assert.deepEqual(data.parse(example), example)
      if (!catalogue[type].systemOnly) assert.deepEqual(validateEventData(type, example).data, example)
    })
  }

  const required: [EventType, string[]][] = [
    ['prediction_complete', ['symbol', 'predicted_price', 'confidence']],
    ['model_trained', ['model_id', 'model_type']],
    ['model_deployed', ['model_id', 'environment']],
    ['backtest_complete', ['symbol']],
    ['alert_triggered', ['symbol', 'message']],
    ['data_quality_issue', ['source', 'issue']],
    ['system_error', ['message']],
  ]
  for (const [type, names] of required) {
    it(`demands ${names.join(', ')} of ${type} and names what is missing`, () => {
      const { example } = catalogue[type]
      for (const name of names) {
        const { status, paths } = refusal(() => validateEventData(type, omit(example, name)))
        assert.deepEqual([status, paths], [422, [`data.${name}`]])
      }
      assert.deepEqual(
        refusal(() => validateEventData(type, {})).paths.slice(0, names.length),
        names.map((n) => `data.${n}`),
      )
      const few = names.map((name) => [name, example[name] ?? null] as const)
      const alone: JsonObject = Object.fromEntries(
        type === 'prediction_complete' ? [...few, ['current_price', 100]] : few,
      )
      assert.doesNotThrow(() => validateEventData(type, alone))
    })
  }

  it('covers every type that producers may publish', () => {
    assert.deepEqual(required.map(([type]) => type).sort(), [...published].sort())
  })

  it('refuses the types that only the system makes', () => {
    for (const type of ['webhook_failing', 'webhook_disabled'] as const) {
      const { status, paths } = refusal(() => validateEventData(type, catalogue[type].example))
      assert.deepEqual([status, paths], [422, ['event_type']])
    }
  })

  const bad: [EventType, JsonObject][] = [
    ['prediction_complete', { confidence: 1.01 }],
    ['prediction_complete', { confidence: -0.01 }],
    ['prediction_complete', { confidence: '0.5' }],
    ['prediction_complete', { predicted_price: 0 }],
    ['prediction_complete', { predicted_price: -1 }],
    ['prediction_complete', { current_price: 0 }],
    ['prediction_complete', { predicted_return: '5 %' }],
    ['prediction_complete', { symbol: 'A B' }],
    ['prediction_complete', { symbol: 'A'.repeat(21) }],
    ['prediction_complete', { symbol: '' }],
    ['prediction_complete', { symbol: null }],
    ['alert_triggered', { severity: 'urgent' }],
    ['alert_triggered', { message: '' }],
    ['data_quality_issue', { quality_score: 2 }],
    ['backtest_complete', { win_rate: 55 }],
    ['model_trained', { training_duration: -1 }],
  ]
  for (const [type, change] of bad) {
    it(`refuses ${JSON.stringify(change)} of ${type} with its path`, () => {
      const { status, paths } = refusal(() => validateEventData(type, { ...catalogue[type].example, ...change }))
      assert.deepEqual([status, paths], [422, Object.keys(change).map((name) => `data.${name}`)])
    })
  }

  it('says where each type is streamed and gives it a JSON Schema', () => {
    const { event_types } = eventTypesDocument()
    assert.deepEqual(
      event_types.map(({ event_type }) => event_type),
      [...EVENT_TYPES],
    )
    for (const { event_type, schema, example, system_only, streamed_as } of event_types) {
      assert.equal(schema.type, 'object')
      for (const name of schema.required ?? []) assert.ok(name in example, `${event_type} ${name}`)
      assert.equal(system_only, event_type.startsWith('webhook_'))
      const streamed: Record<string, object> = {
        prediction_complete: { channel: 'predictions', type: 'prediction_update' },
        alert_triggered: { channel: 'alerts', type: 'alert' },
      }
      assert.deepEqual(streamed_as, streamed[event_type] ?? null)
    }
  })

  it('says in the JSON Schema of a prediction that it needs a return or the price to derive it from', () => {
    const [prediction] = eventTypesDocument().event_types
    assert.deepEqual(prediction?.schema.anyOf, [{ required: ['predicted_return'] }, { required: ['current_price'] }])
  })
})

describe('the data of an event', () => {
  it('gets predicted_return derived from current_price', () => {
    const { data, symbol } = validateEventData('prediction_complete', prediction())
    assert.ok(Math.abs(Number(data['predicted_return']) - 0.1) < 1e-12)
    assert.deepEqual(omit(data, 'predicted_return'), prediction())
    assert.equal(symbol, 'AAPL')
  })

  it('keeps a predicted_return that is given, with and without current_price', () => {
    for (const given of [
      prediction({ predicted_return: 0.05 }),
      omit(prediction({ predicted_return: -0.2 }), 'current_price'),
    ]) {
      assert.deepEqual(validateEventData('prediction_complete', given).data, given)
    }
  })

  it('needs one of predicted_return and current_price', () => {
    const { status, paths } = refusal(() =>
      validateEventData('prediction_complete', omit(prediction(), 'current_price')),
    )
    assert.deepEqual([status, paths], [422, ['data.predicted_return']])
  })

  it('never gets a return that is not finite', () => {
    const given = prediction({ predicted_price: 1e308, current_price: 1e-308 })
    const { status, paths } = refusal(() => validateEventData('prediction_complete', given))
    assert.deepEqual([status, paths], [422, ['data.current_price']])
  })

  it('gets its symbol upper-cased, in every type', () => {
    for (const type of published.filter((each) => 'symbol' in catalogue[each].example)) {
      const { data, symbol } = validateEventData(type, { ...catalogue[type].example, symbol: 'btc-usd' })
      assert.deepEqual([data['symbol'], symbol], ['BTC-USD', 'BTC-USD'])
    }
    for (const symbol of ['AAPL', '^GSPC', 'EURUSD', 'EURUSD=X', 'BRK.B', '7203']) {
      assert.equal(validateEventData('prediction_complete', prediction({ symbol })).symbol, symbol)
    }
  })

  it('has no symbol where none is given', () => {
    assert.equal(validateEventData('system_error', { message: 'x' }).symbol, null)
  })

  it('keeps further fields as they are, in every type', () => {
    const further = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }), { maxKeys: 5 })
    const names = fc.constantFrom('constructor', 'toString', '0', '', 'extra')
    fc.assert(
      fc.property(fc.constantFrom(...published), further, names, (type, fields, name) => {
        const { example } = catalogue[type]
        const given = JSON.parse(
          JSON.stringify({ ...omit(fields as JsonObject, '__proto__'), [name]: [1], ...example }),
        )
        assert.deepEqual(validateEventData(type, given).data, given)
      }),
    )
  })
})
