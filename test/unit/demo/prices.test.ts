import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPrices } from '../../../src/demo/prices.ts'

describe('the demo prices', () => {
  it('are twenty years of index days and ten of share months', () => {
    const prices = loadPrices()
    assert.ok(prices.found)
    assert.equal(prices.daily.symbol, '^GSPC')
    assert.deepEqual(prices.daily.bars[0], {
      date: '2000-01-03',
      open: 1469.25,
      high: 1478,
      low: 1438.359985,
      close: 1455.219971,
      volume: 931800000,
    })
    assert.equal(prices.daily.bars.at(-1)?.date, '2020-04-17')
    assert.deepEqual(
      prices.monthly.map(({ symbol }) => symbol),
      ['AAPL', 'AMZN', 'GOOG', 'IBM', 'MSFT'],
    )
    assert.deepEqual(prices.monthly[4]?.bars[0], { date: '2000-01-01', close: 39.81 })
  })

  it('are in the order of their dates', () => {
    const prices = loadPrices()
    assert.ok(prices.found)
    for (const { symbol, bars } of [prices.daily, ...prices.monthly]) {
      const dates = bars.map(({ date }) => date)
      assert.deepEqual(dates, dates.toSorted(), symbol)
    }
  })

  it('are missing with a reason when the optional dependency is not installed', () => {
    const prices = loadPrices((name) => {
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
    })
    assert.deepEqual(prices, {
      found: false,
      reason: 'The optional dependency vega-datasets, which holds the prices, is not installed.',
    })
  })

  it('are missing with a reason when a file is not what it was', () => {
    const home = mkdtempSync(join(tmpdir(), 'prices-'))
    try {
      mkdirSync(join(home, 'data'))
      writeFileSync(join(home, 'data', 'sp500-2000.csv'), 'date,open\n2000-01-03,not a price\n')
      const prices = loadPrices(() => join(home, 'build', 'index.js'))
      assert.deepEqual(prices, {
        found: false,
        reason: 'The prices of vega-datasets cannot be read: "not a price" is not an amount',
      })
    } finally {
      rmSync(home, { recursive: true })
    }
  })
})
