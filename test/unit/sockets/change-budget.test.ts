import assert from 'node:assert/strict'
import { ChangeBudget } from '../../../src/sockets/change-budget.ts'

describe('what a socket may change of its subscriptions', () => {
  it('is four times as many as it may have in one go', () => {
    const budget = new ChangeBudget(1000, 0)
    assert.deepEqual([budget.spend(3999, 0), budget.spend(1, 0), budget.spend(1, 0)], [true, true, false])
  })

  it('comes back, half as many as it may have each second, and never more than there was', () => {
    const budget = new ChangeBudget(1000, 0)
    assert.ok(budget.spend(4000, 0))
    assert.ok(!budget.spend(501, 1000))
    assert.ok(budget.spend(500, 1000))
    assert.ok(!budget.spend(4001, 3_600_000))
    assert.ok(budget.spend(4000, 3_600_000))
  })

  it('is more for a socket that may have more, and not less for one that may have fewer', () => {
    assert.ok(new ChangeBudget(2000, 0).spend(8000, 0))
    assert.ok(new ChangeBudget(10, 0).spend(4000, 0))
  })
})
