import assert from 'node:assert/strict'
import type { StoredEvent } from '../../../console/src/api/shapes.ts'
import { toChartRows } from '../../../console/src/streams/chart-rows.ts'
import {
  emptyQuotes,
  type SeenAlert,
  withAlert,
  withHistory,
  withPrediction,
  withPrice,
} from '../../../console/src/streams/quotes.ts'

const time = (second: number) => new Date(Date.UTC(2026, 10, 25, 12, 0, second)).toISOString()
const seconds = (second: number) => Date.parse(time(second)) / 1000

function priceAt(second: number, price: number, seq = second) {
  return { data: { price }, timestamp: time(second), seq }
}

function predictionAt(second: number, predicted_price: number) {
  const data = {
    symbol: 'AAPL',
    predicted_price,
    confidence: 0.5,
    lower_bound: predicted_price - 1,
    upper_bound: predicted_price + 1,
  }
  return { data, timestamp: time(second), seq: second }
}

describe('what the console knows of a symbol', () => {
  it('grows with each message and keeps its number', () => {
    const quotes = withPrediction(withPrice(emptyQuotes('AAPL'), priceAt(1, 10, 41)), predictionAt(2, 12))
    assert.deepEqual(quotes.prices, [{ at: Date.parse(time(1)), price: 10 }])
    assert.equal(quotes.predictions[0]?.upper, 13)
    assert.deepEqual([quotes.messages, quotes.priceSeq, quotes.predictionSeq], [2, 41, 2])
  })

  it('takes no older snapshot for news, and leaves out a message without a price', () => {
    const quotes = withPrice(withPrice(emptyQuotes('AAPL'), priceAt(5, 10)), priceAt(4, 9))
    assert.deepEqual(
      quotes.prices.map(({ price }) => price),
      [10],
    )
    assert.equal(withPrice(quotes, { data: { volume: 3 }, timestamp: time(6), seq: 6 }).prices.length, 1)
  })

  it('puts stored predictions in front of what came live', () => {
    const stored = (second: number): StoredEvent => ({
      ...{ event_id: `evt_${second}`, event_type: 'prediction_complete', timestamp: time(second), symbol: 'AAPL' },
      ...{ data: { predicted_price: second, current_price: second }, accepted_at: time(second) },
    })
    const live = withPrediction(withPrice(emptyQuotes('AAPL'), priceAt(3, 30)), predictionAt(3, 31))
    const quotes = withHistory(live, [stored(4), stored(2), stored(1)])
    assert.deepEqual(
      quotes.prices.map(({ price }) => price),
      [1, 2, 30],
    )
    assert.deepEqual(
      quotes.predictions.map(({ price }) => price),
      [1, 2, 31],
    )
  })

  it('draws a prediction until the next one, and ahead of the newest price', () => {
    let quotes = withPrediction(emptyQuotes('AAPL'), predictionAt(0, 100))
    quotes = withPrice(withPrice(quotes, priceAt(1, 10)), priceAt(3, 11))
    quotes = withPrediction(quotes, predictionAt(2, 200))
    const [at, price, predicted, lower] = toChartRows(quotes, 60_000)
    assert.deepEqual(at.slice(0, 4), [seconds(0), seconds(1), seconds(2), seconds(3)])
    assert.ok((at[4] ?? 0) > seconds(3))
    assert.deepEqual(price, [null, 10, null, 11, null])
    assert.deepEqual(predicted, [100, 100, 200, 200, 200])
    assert.deepEqual(lower, [99, 99, 199, 199, 199])
  })

  it('shows the span that is asked for, with the prediction that held at its beginning', () => {
    let quotes = withPrediction(emptyQuotes('AAPL'), predictionAt(0, 100))
    for (const second of [1, 30, 40]) quotes = withPrice(quotes, priceAt(second, second))
    const [at, price, predicted] = toChartRows(quotes, 15_000)
    assert.deepEqual([at.length, price[0], predicted[0]], [3, 30, 100])
    assert.deepEqual(toChartRows(emptyQuotes('AAPL'), 15_000)[0], [])
  })

  it('lists each alert once, the newest first', () => {
    const alert = (id: string, at: number): SeenAlert => ({ id, at, symbol: 'AAPL', message: id, severity: null })
    const seen = [alert('a', 1), alert('c', 3), alert('b', 2), alert('a', 1)].reduce(
      withAlert,
      [] as readonly SeenAlert[],
    )
    assert.deepEqual(
      seen.map(({ id }) => id),
      ['c', 'b', 'a'],
    )
  })
})
