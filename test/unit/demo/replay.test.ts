import assert from 'node:assert/strict'
import { forecastNext, newForecaster, observe } from '../../../src/demo/forecaster.ts'
import { loadPrices, type Series } from '../../../src/demo/prices.ts'
import { replay, type Turn, WARM_UP_BARS } from '../../../src/demo/replay.ts'

describe('the replay', () => {
  it('shows the next index day and the next month of one share in turn', () => {
    const steps = first(4, series('^GSPC', 40), [series('AAPL', 40), series('IBM', 40)])
    assert.deepEqual(
      steps.map((turns) => turns.map(({ series: { symbol }, bar }) => `${symbol} ${bar.close}`)),
      [
        ['^GSPC 112', 'AAPL 112'],
        ['^GSPC 113', 'IBM 112'],
        ['^GSPC 114', 'AAPL 113'],
        ['^GSPC 115', 'IBM 113'],
      ],
    )
  })

  it('forecasts from the bars up to the one shown and no later', () => {
    const prices = loadPrices()
    assert.ok(prices.found)
    for (const turns of first(300, prices.daily, prices.monthly)) {
      for (const turn of turns) {
        const shown = turn.series.bars.indexOf(turn.bar)
        const past = turn.series.bars.slice(0, shown + 1).map(({ close }) => close)
        assert.deepEqual(turn.forecast, forecastNext(past.reduce(observe, newForecaster)))
      }
    }
  })

  it('begins a numbered round at the end of a series, and forgets what it learned in the last', () => {
    const daily = series('^GSPC', WARM_UP_BARS + 3)
    const turns = first(7, daily, []).map(([turn]) => turn as Turn)
    assert.deepEqual(
      turns.map(({ round, bar }) => [round, bar.close]),
      [1, 1, 1, 2, 2, 2, 3].map((round, index) => [round, 100 + WARM_UP_BARS + (index % 3)]),
    )
    assert.deepEqual(turns[3]?.forecast, turns[0]?.forecast)
  })

  it('gives every forecast bounds, since the first bars only teach', () => {
    const [turns] = first(1, series('^GSPC', 40), [series('AAPL', 40)])
    for (const turn of turns ?? []) assert.ok(turn.forecast.lower_bound !== undefined)
  })

  it('refuses a series that ends before it is taught', () => {
    assert.throws(() => first(1, series('^GSPC', WARM_UP_BARS), []), /too few bars/)
  })
})

function first(count: number, daily: Series, monthly: Series[] | readonly Series[]): (readonly Turn[])[] {
  const steps = replay(daily, monthly)
  return Array.from({ length: count }, () => steps.next().value)
}

function series(symbol: string, length: number): Series {
  const bars = Array.from({ length }, (_, index) => ({ date: `day ${index}`, close: 100 + index }))
  return { symbol, interval: symbol === '^GSPC' ? '1d' : '1mo', source: 'made for the test', bars }
}
