import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Database } from '../../../src/db/database.ts'
import { makeApiKey } from '../../../src/identity/api-keys.ts'
import { type Authenticator, createAuthenticator } from '../../../src/identity/authenticator.ts'
import { createBlockedUsers } from '../../../src/identity/blocked-users.ts'
import type { Principal } from '../../../src/identity/principal.ts'
import { makeTicket } from '../../../src/identity/tickets.ts'
import { BY_TEST } from '../../support/author.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

const alice: Principal = { userId: 'alice', role: 'user', tier: 'free', via: 'jwt' }
const unknownKey = () => `ara_${randomBytes(32).toString('hex')}`

describe('keys and tickets of suspect addresses', () => {
  let database: TestDatabase
  let authenticator: Authenticator
  let statements = 0
  let underWay = 0
  let mostAtOnce = 0
  before(async () => {
    database = await createDatabase()
    const db: Database = { ...database.db, query: (statement) => counted(() => database.db.query(statement)) }
    const blocked = createBlockedUsers({ db: database.db })
    authenticator = createAuthenticator({ db, blocked, jwt: { secret: 'x'.repeat(32), clockSkewSeconds: 0 } })
  })
  beforeEach(() => {
    statements = 0
    mostAtOnce = 0
  })
  after(() => database.drop())

  async function counted<T>(run: () => Promise<T>): Promise<T> {
    statements += 1
    underWay += 1
    mostAtOnce = Math.max(mostAtOnce, underWay)
    return run().finally(() => {
      underWay -= 1
    })
  }
  const verdict = (checking: Promise<Principal>) =>
    checking.then(
      ({ userId }) => userId,
      ({ status }) => status,
    )

  it('are looked up together, one statement at a time, and the good one among them passes', async () => {
    const { key } = await makeApiKey(database.db, alice, BY_TEST, { name: 'k' })
    const keys = Array.from({ length: 500 }, unknownKey).with(250, key)
    const verdicts = await Promise.all(keys.map((one) => verdict(authenticator.apiKey(one, true))))
    assert.deepEqual(verdicts, Array(500).fill(401).with(250, 'alice'))
    // One beside them may note the use of the key.
    assert.ok(statements <= 3 && mostAtOnce <= 2, `${statements} statements, ${mostAtOnce} at once`)
  })

  it('are not looked up when they have not the form of a key', async () => {
    for (const text of ['', 'ara_', `ara_${'g'.repeat(64)}`, `${unknownKey()}0`]) {
      for (const suspect of [true, false]) assert.equal(await verdict(authenticator.apiKey(text, suspect)), 401)
    }
    assert.equal(statements, 0)
  })

  it('work once when they are tickets, also when one comes twice at the same time', async () => {
    const [first, second] = [await makeTicket(database.db, alice), await makeTicket(database.db, alice)]
    const tickets = [first, 'tkt_x', first, second]
    const verdicts = await Promise.all(tickets.map((one) => verdict(authenticator.stream(one, true))))
    assert.deepEqual(verdicts, ['alice', 401, 401, 'alice'])
    assert.equal(statements, 1)
    assert.equal(await verdict(authenticator.stream(second, false)), 401)
  })
})
