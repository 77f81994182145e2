import assert from 'node:assert/strict'
import {
  count,
  fromNow,
  milliseconds,
  pretty,
  price,
  rate,
  share,
  shortId,
  shortUrl,
  signedPercent,
  span,
  words,
} from '../../../console/src/format.ts'

function table<Given>(write: (given: Given) => string, rows: readonly (readonly [Given, string])[]): void {
  for (const [given, expected] of rows) assert.equal(write(given), expected)
}

describe('what the console writes', () => {
  it('are prices, with the places that matter', () => {
    table(price, [
      [0, '0.00'],
      [187.5, '187.50'],
      [4181.175, '4,181.18'],
      [0.5, '0.50'],
      [0.01234567, '0.01235'],
      [-2.5, '-2.50'],
    ])
  })

  it('are returns with their sign, and nothing is minus zero', () => {
    table(signedPercent, [
      [0.0398, '+3.98 %'],
      [-0.05, '−5.00 %'],
      [0, '+0.00 %'],
      [-0.00001, '+0.00 %'],
    ])
  })

  it('are shares, of which nearly all is not all', () => {
    const of = ([part, whole]: readonly [number, number]) => share(part, whole)
    table(of, [
      [[0, 0], '–'],
      [[0, 5], '0 %'],
      [[5, 5], '100 %'],
      [[99_999, 100_000], '> 99.9 %'],
      [[1, 100_000], '< 0.1 %'],
      [[2, 3], '66.7 %'],
    ])
  })

  it('are counts and rates that stay short', () => {
    table(count, [
      [0, '0'],
      [1234, '1,234'],
      [99_999, '99,999'],
      [123_456, '123k'],
      [999_600, '1M'],
      [12_345_678, '12.3M'],
    ])
    table(rate, [
      [0, '0'],
      [0.25, '0.3'],
      [9.96, '10.0'],
      [1234.4, '1,234'],
    ])
  })

  it('are durations in the units that say something', () => {
    table(milliseconds, [
      [0.2, '< 1 ms'],
      [12.4, '12 ms'],
      [1234, '1.23 s'],
      [15_000, '15.0 s'],
      [75_000, '1 min 15 s'],
    ])
    table(span, [
      [0, '0 s'],
      [59_400, '59 s'],
      [900_000, '15 min'],
      [3_600_000, '1 h'],
      [5_400_000, '1 h 30 min'],
      [183_600_000, '2 d 3 h'],
    ])
  })

  it('are times beside now', () => {
    const now = Date.parse('2026-11-25T12:00:00Z')
    const beside = (seconds: number) => fromNow(new Date(now + seconds * 1000), now)
    table(beside, [
      [0, 'just now'],
      [-5, '5 s ago'],
      [90, 'in 1 min'],
      [-7200, '2 h ago'],
      [200_000, 'in 2 d'],
    ])
  })

  it('are words, ids and URLs as people read them', () => {
    assert.equal(words('prediction_complete'), 'Prediction complete')
    assert.equal(shortId('dlv_01a212a1-59c9-7010-aaaf-3f6883b22c7d'), 'dlv_…b22c7d')
    assert.equal(shortId('seq 4'), 'seq 4')
    assert.equal(shortUrl('https://example.com/hooks/'), 'example.com/hooks')
    assert.equal(pretty('{"a": [1]}'), '{\n  "a": [\n    1\n  ]\n}')
    assert.equal(pretty('<html>'), '<html>')
  })
})
