import assert from 'node:assert/strict'
import { cannotReach, StartError } from '../../src/start-error.ts'
import { plainError } from '../../src/telemetry/log.ts'

describe('a store that cannot be reached', () => {
  it('is named with the driver’s reason, also when that is only a code', () => {
    const several = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    const hidden = new Error('The database is not available.', {
      cause: new Error('connect ECONNREFUSED 10.0.0.1:5432'),
    })
    const reasons = [new Error('timeout expired'), several, 'gone', hidden]
    assert.deepEqual(
      reasons.map((reason) => cannotReach('PostgreSQL', reason).message),
      [
        'PostgreSQL cannot be reached: timeout expired',
        'PostgreSQL cannot be reached: ECONNREFUSED',
        'PostgreSQL cannot be reached: gone',
        'PostgreSQL cannot be reached: connect ECONNREFUSED 10.0.0.1:5432',
      ],
    )
    assert.ok(cannotReach('Redis', several) instanceof StartError)
  })

  it('was reached when its answer is that there is no such database or login, and it is said what to do', () => {
    const answers = [
      ['3D000', 'database "ara" does not exist'],
      ['28P01', 'password authentication failed for user "ara"'],
      ['28000', 'role "ara" does not exist'],
    ] as const
    const messages = answers.map(
      ([code, message]) => cannotReach('PostgreSQL', Object.assign(new Error(message), { code })).message,
    )
    const login = 'check the user and the password of DATABASE_URL'
    assert.deepEqual(messages, [
      'PostgreSQL was reached, but database "ara" does not exist: make it (createdb ara), or name another in DATABASE_URL',
      `PostgreSQL was reached, but refuses the login: password authentication failed for user "ara"; ${login}`,
      `PostgreSQL was reached, but refuses the login: role "ara" does not exist; ${login}`,
    ])
  })

  it('is called so where ioredis speaks of its options', () => {
    const words = "Stream isn't writeable and enableOfflineQueue options is false"
    assert.equal(cannotReach('Redis', new Error(words)).message, 'Redis cannot be reached: Redis is not connected')
    const { message, stack } = plainError(new Error(words))
    assert.equal(message, 'Redis is not connected')
    assert.match(String(stack), /^Error: Redis is not connected\n +at /)
  })
})
