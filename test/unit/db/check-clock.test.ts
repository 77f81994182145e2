import assert from 'node:assert/strict'
import { checkClock } from '../../../src/db/check-clock.ts'
import type { Sql } from '../../../src/db/database.ts'
import type { Logger } from '../../../src/telemetry/log.ts'

describe('checkClock', () => {
  for (const [behindMs, tells] of [
    [0, false],
    [1_500, false],
    [-1_500, false],
    [3_600_000, true],
    [-3_600_000, true],
    [10_000, true],
  ] as const) {
    it(`${tells ? 'tells of' : 'tolerates'} a clock that is ${behindMs} ms behind PostgreSQL's`, async () => {
      const told: number[] = []
      await checkClock(databaseWithClock(behindMs), logOf(told))
      assert.equal(told.length, tells ? 1 : 0)
      for (const skew of told) assert.ok(Math.abs(skew - behindMs) < 500, `${skew}`)
    })
  }
})

function databaseWithClock(aheadMs: number): Sql {
  return { query: async <Row>() => [{ now: Date.now() + aheadMs } as Row] }
}

function logOf(told: number[]): Logger {
  const error = ({ behind_ms }: { behind_ms: number }) => void told.push(behind_ms)
  return { error } as unknown as Logger
}
