import assert from 'node:assert/strict'
import { parseRetryAfter, retryDelay } from '../../../src/deliveries/retry-policy.ts'

const DEFAULTS = { baseMs: 5_000, capMs: 86_400_000 }
const DAY = 86_400_000

describe('the retry policy', () => {
  const table: [attempt: number, retryAfterMs: number | null, random: number, expected: number][] = [
    [1, null, 0, 5_000],
    [2, null, 0, 20_000],
    [3, null, 0, 80_000],
    [4, null, 0, 320_000],
    [8, null, 0, 81_920_000],
    [9, null, 0, DAY],
    [19, null, 0, DAY],
    [1, null, 0.5, 5_500],
    [1, null, 0.999999, 6_000],
    [9, null, 0.999999, DAY * 1.2],
    [1, 60_000, 0, 60_000],
    [3, 1_000, 0, 80_000],
    [1, DAY * 3, 0, DAY],
    [1, 0, 0, 5_000],
  ]
  for (const [attempt, retryAfterMs, random, expected] of table) {
    it(`waits ${expected} ms after attempt ${attempt} with Retry-After ${retryAfterMs} and random ${random}`, () => {
      assert.ok(Math.abs(retryDelay(DEFAULTS, { attempt, retryAfterMs }, random) - expected) <= 100)
    })
  }

  it('gives about two days to ten attempts', () => {
    let total = 0
    for (let attempt = 1; attempt < 10; attempt += 1)
      total += retryDelay(DEFAULTS, { attempt, retryAfterMs: null }, 0.5)
    assert.ok(total > 1.5 * DAY && total < 2.6 * DAY, `${total / DAY} days`)
  })
})

describe('Retry-After', () => {
  const now = new Date('2026-11-23T12:00:00Z')
  const table: [string | undefined, number | null][] = [
    [undefined, null],
    ['120', 120_000],
    [' 0 ', 0],
    ['Mon, 23 Nov 2026 12:01:00 GMT', 60_000],
    ['Mon, 23 Nov 2026 11:59:00 GMT', null],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    ['', null],
    ['2026-11-23', null],
    ['99999999999', DAY],
    ['9'.repeat(400), DAY],
    ['Fri, 31 Dec 9999 23:59:59 GMT', DAY],
    ['Fri, 31 Dec 99999 23:59:59 GMT', DAY],
  ]
  for (const [header, expected] of table) {
    it(`${JSON.stringify(header)} is ${expected}`, () => assert.equal(parseRetryAfter(header, now), expected))
  }
})
