import assert from 'node:assert/strict'
import { parseSymbol, symbolSchema } from '../../../src/events/symbol.ts'

describe('a symbol', () => {
  for (const [given, symbol] of [
    ['aapl', 'AAPL'],
    ['BTC-USD', 'BTC-USD'],
    ['^gspc', '^GSPC'],
    ['EURUSD=X', 'EURUSD=X'],
    ['A'.repeat(20), 'A'.repeat(20)],
    ['A'.repeat(21), null],
    ['', null],
    ['A B', null],
    ['ß', null],
    ['ſ', null],
    ['AAPL\n', null],
  ] as const) {
    it(`${JSON.stringify(given)} is ${symbol ?? 'none'}`, () => {
      assert.equal(parseSymbol(given), symbol)
      const parsed = symbolSchema.safeParse(given)
      assert.equal(parsed.success ? parsed.data : null, symbol)
    })
  }
})
