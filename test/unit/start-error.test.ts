import assert from 'node:assert/strict'
import { cannotReach, StartError } from '../../src/start-error.ts'

describe('a store that cannot be reached', () => {
  it('is named with the driver’s reason, also when that is only a code', () => {
    const several = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    const reasons = [new Error('password authentication failed for user "ara"'), several, 'gone']
    assert.deepEqual(
      reasons.map((reason) => cannotReach('PostgreSQL', reason).message),
      [
        'PostgreSQL cannot be reached: password authentication failed for user "ara"',
        'PostgreSQL cannot be reached: ECONNREFUSED',
        'PostgreSQL cannot be reached: gone',
      ],
    )
    assert.ok(cannotReach('Redis', several) instanceof StartError)
  })
})
