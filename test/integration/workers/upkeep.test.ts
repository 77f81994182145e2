import assert from 'node:assert/strict'
import { daysAhead } from '../../../src/db/partitions.ts'
import type { Loop } from '../../../src/loop.ts'
import { startUpkeep } from '../../../workers/upkeep.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { makeWebhook } from '../../support/rows.ts'
import { openDelivery } from '../../support/work-attempts.ts'

const DAY_MS = 86_400_000

describe('the upkeep', () => {
  let database: TestDatabase
  const loops: Loop[] = []

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({
      text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events, tickets, idempotency_keys',
    })
  })
  afterEach(async () => {
    for (const loop of loops.splice(0)) await loop.stop()
  })

  it('makes the days ahead, in one of several processes at a time', async () => {
    const inThreeDays = new Date(Date.now() + 3 * DAY_MS)
    // Five, or four when midnight has passed since the databases' template was made.
    assert.ok((await daysAhead(database.db, inThreeDays)) < 8)
    const errors = await Promise.all([1, 2, 3].map(() => oneRound({ now: inThreeDays })))
    assert.deepEqual(
      errors.flatMap((round) => round.errors),
      [],
    )
    assert.equal(await daysAhead(database.db, inThreeDays), 8)
  })

  it('forgets idempotency keys of more than a day and tickets that have expired, however many, and keeps the others', async () => {
    await database.db.query({
      text: `INSERT INTO idempotency_keys (principal, route, key, body_sha256, response_status, response_body, deliveries, created_at)
             SELECT 'alice', 'events', number::text, '', 202, '', '{}', now() - CASE WHEN number > 2500 THEN interval '23 hours' ELSE interval '25 hours' END
             FROM generate_series(1, 2503) AS number`,
    })
    await database.db.query({
      text: `INSERT INTO tickets (sha256, principal, expires_at)
             SELECT sha256(number::text::bytea), '{}', now() + CASE WHEN number > 2500 THEN interval '10 s' ELSE interval '-1 s' END
             FROM generate_series(1, 2502) AS number`,
    })
    start({})
    await eventually(async () => assert.deepEqual([await count('idempotency_keys'), await count('tickets')], [3, 2]))
  })

  it('measures what is open and how long the oldest has been due', async () => {
    const { gauges: idle } = await oneRound({})
    assert.deepEqual(idle, { open: 0, oldest: 0 })
    await makeWebhook(database.db)
    for (let open = 0; open < 3; open += 1) await openDelivery(database.db)
    await database.db.query({
      text: `UPDATE due SET due_at = now() + CASE row_number WHEN 1 THEN interval '-90 s' WHEN 2 THEN interval '-5 s' ELSE interval '1 hour' END
             FROM (SELECT delivery_id AS id, row_number() OVER () FROM due) AS numbered WHERE id = delivery_id`,
    })
    const { gauges, errors } = await oneRound({})
    assert.deepEqual(errors, [])
    assert.equal(gauges.open, 3)
    assert.ok(gauges.oldest >= 90 && gauges.oldest < 100, `${gauges.oldest}`)
  })

  it('estimates what is open when that is a lot', async () => {
    await database.db.query({
      text: `INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts)
             SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1 FROM generate_series(1, 12000)`,
    })
    await database.db.query({ text: 'ANALYZE due' })
    const { gauges } = await oneRound({})
    assert.ok(gauges.open > 10_000 && gauges.open < 15_000, `${gauges.open}`)
  })

  /** Runs it until its gauges are set, or it has failed. */
  async function oneRound(options: { now?: Date }) {
    const seen = start(options)
    await eventually(() => seen.rounds > 0 || seen.errors.length > 0)
    return seen
  }

  function start(options: { now?: Date }) {
    const seen = { rounds: 0, gauges: { open: -1, oldest: -1 }, errors: [] as unknown[] }
    const metrics = {
      oldestDue: (seconds: number) => {
        seen.gauges.oldest = seconds
      },
      openDeliveries: (open: number) => {
        seen.gauges.open = open
        seen.rounds += 1
      },
    }
    const now = () => options.now ?? new Date()
    loops.push(
      startUpkeep({
        db: database.db,
        metrics,
        auditRetentionDays: 365,
        retentionDays: 30,
        now,
        onError: (error) => void seen.errors.push(error),
      }),
    )
    return seen
  }

  async function count(table: string): Promise<number | undefined> {
    const [row] = await database.db.query<{ count: number }>({ text: `SELECT count(*) FROM ${table}` })
    return row?.count
  }
})
