import assert from 'node:assert/strict'
import { Client } from 'pg'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { createClaim } from '../../../src/deliveries/claim.ts'
import { failPoison } from '../../../src/deliveries/poison.ts'
import { createRecord } from '../../../src/deliveries/record.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { attemptResult, openDelivery, storeWebhook } from '../../support/work-attempts.ts'

/*
 * A statement that finds a row locked waits, and looks at what the row has become. With a partitioned table in a join of the
 * statement, that ended the PostgreSQL process within a round or two of what follows.
 */
const DELIVERIES = 200
const ROUNDS = 4
const FAILURE = { status: 'failed', retryInMs: 0, responseCode: 500, responseBody: Buffer.alloc(3_000, 'x') } as const

describe('open work that changes while a statement waits for it', () => {
  let database: TestDatabase
  let db: Database
  let ids: string[]

  before(async () => {
    database = await createDatabase()
    const name = new URL(database.url).pathname.slice(1)
    // What statements of long standing have; each plan of the first runs knows its values, and needs no choice of partitions.
    await database.db.query({ text: `ALTER DATABASE ${name} SET plan_cache_mode = force_generic_plan` })
    db = openDatabase({ url: database.url, pool: 4, name: 'test', onError: () => undefined })
    await storeWebhook(db)
  })
  beforeEach(async () => {
    await db.query({ text: 'TRUNCATE due, deliveries, attempts, events' })
    ids = await Promise.all(Array.from({ length: DELIVERIES }, () => openDelivery(db)))
  })
  after(async () => {
    await db.close()
    await database.drop()
  })

  it('is claimed and recorded, over and over', async () => {
    const claim = createClaim({ db, worker: 'one' })
    const record = createRecord({ db, worker: 'one' })
    for (let attempt = 1; attempt <= ROUNDS; attempt += 1) {
      const claimed = await whileHalfChange(() => ids.map((deliveryId) => claim({ deliveryId, attempt })))
      assert.equal(claimed.filter((one) => one !== null).length, DELIVERIES)
      const recorded = await whileHalfChange(() =>
        ids.map((deliveryId) => record(attemptResult({ ...FAILURE, deliveryId, attempt }))),
      )
      assert.equal(recorded.filter((one) => one).length, DELIVERIES)
    }
  })

  it('is failed as poison', async () => {
    await db.query({ text: "UPDATE due SET unknowns = 4, attempt = 1, lease_until = now() - interval '1 second'" })
    const [ended] = await whileHalfChange(() => [db.transaction((sql) => failPoison(sql, ids))])
    assert.equal(ended, DELIVERIES)
    const rows = await db.query({
      text: 'SELECT status, attempt, error, count(*) FROM deliveries GROUP BY status, attempt, error',
    })
    assert.deepEqual(rows, [{ status: 'failed', attempt: 1, error: 'poison', count: DELIVERIES }])
  })

  /** Every other row is held by a transaction that changes it, and is let go when somebody waits. */
  async function whileHalfChange<T>(work: () => Promise<T>[]): Promise<T[]> {
    const other = new Client({ connectionString: database.url })
    await other.connect()
    try {
      await other.query('BEGIN')
      const half = ids.filter((_, index) => index % 2 === 0)
      await other.query(`UPDATE due SET due_at = due_at - interval '1 second' WHERE delivery_id = ANY ($1)`, [half])
      const working = Promise.all(work())
      working.catch(() => undefined)
      await eventually(async () => {
        const [row] = await db.query<{ waits: boolean }>({
          text: 'SELECT count(*) > 0 AS waits FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()',
        })
        return row?.waits ?? false
      })
      await other.query('COMMIT')
      return await working
    } finally {
      await other.end()
    }
  }
})
