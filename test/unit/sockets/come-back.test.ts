import assert from 'node:assert/strict'
import { comeBack } from '../../../src/sockets/socket-limits.ts'

describe('the time to come back after a drain', () => {
  const times = (sockets: number) =>
    Array.from({ length: 2_000 }, () => Number(JSON.parse(comeBack(sockets).reason).retry_after_ms))

  it('lies between one and two seconds, another for each socket', () => {
    for (const sockets of [1, 2_000]) {
      const told = times(sockets)
      assert.ok(told.every((ms) => ms >= 1_000 && ms <= 2_000))
      assert.ok(new Set(told).size > 100)
    }
  })

  it('is spread so that of many sockets at most 2000 come back in a second', () => {
    const told = times(20_000)
    assert.ok(told.every((ms) => ms >= 1_000 && ms <= 11_000))
    assert.ok(Math.max(...told) > 9_000)
  })
})
