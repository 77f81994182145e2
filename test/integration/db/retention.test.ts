import assert from 'node:assert/strict'
import { Client } from 'pg'
import type { Database } from '../../../src/db/database.ts'
import {
  attachPartition,
  DAY_MS,
  DAYS_AHEAD,
  daysAhead,
  firstId,
  listPartitions,
  makePartitions,
  PARTITIONED,
  partitionName,
  startOfRetention,
} from '../../../src/db/partitions.ts'
import { dropOldDays } from '../../../src/db/retention.ts'
import { listDeliveries } from '../../../src/deliveries/delivery-log.ts'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { uuidv7 } from '../../../src/ids.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { beginRecovery, storeClosed } from '../../support/recoveries.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'

const RETENTION_DAYS = 30
const TODAY = Math.floor(Date.now() / DAY_MS)
const NAMES = (day: number) => PARTITIONED.map((table) => partitionName(table, TODAY - day))

describe('the retention', () => {
  let database: TestDatabase
  let db: Database
  let webhookId: string

  beforeEach(async () => {
    database = await createDatabase()
    db = database.db
    for (const day of [33, 32, 31, 30]) {
      for (const table of PARTITIONED) {
        const name = partitionName(table, TODAY - day)
        await db.query({ text: `CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)` })
        await attachPartition(db, table, name, TODAY - day)
      }
    }
    webhookId = await makeWebhook(db)
    for (const day of [33, 32, 31, 30, 1]) {
      await storeClosed(db, webhookId, { status: 'success', hoursAgo: day * 24 })
      await insertEvents(db, [newEvent({ id: uuidv7(Date.now() - day * DAY_MS), type: 'other' })])
    }
    await db.query({ text: 'DELETE FROM due' })
    await db.query({ text: "DELETE FROM deliveries WHERE status = 'pending'" })
  })
  afterEach(() => database.drop())

  const drop = (url = database.url) => dropOldDays({ url, retentionDays: RETENTION_DAYS, now: new Date() })
  const dates = (...days: number[]) => days.map((day) => partitionName('events', TODAY - day).slice('events_'.length))

  it('drops whole days that are older than they are kept, their events a day later, and nothing else', async () => {
    assert.deepEqual(await drop(), { dropped: dates(33, 32, 31), kept: [] })
    assert.deepEqual(await tablesOf(33), [])
    assert.deepEqual(await tablesOf(32), [])
    assert.deepEqual(await tablesOf(31), [partitionName('events', TODAY - 31)])
    assert.deepEqual(await tablesOf(30), NAMES(30).sort())
    assert.equal((await listDeliveries(db, webhookId, { limit: 10 })).length, 2)
    assert.equal(await daysAhead(db, new Date()), DAYS_AHEAD + 1)
    assert.deepEqual(await drop(), { dropped: [], kept: [] })
  })

  const openWork: [because: string, open: () => Promise<unknown>, close: () => Promise<unknown>][] = [
    [
      'open deliveries',
      () => openDelivery(TODAY - 33, TODAY - 33),
      async () => void (await db.query({ text: 'DELETE FROM due' })),
    ],
    [
      'open deliveries of its events',
      () => openDelivery(TODAY - 32, TODAY - 33),
      async () => void (await db.query({ text: 'DELETE FROM due' })),
    ],
    [
      'unannounced events',
      () => db.query({ text: 'INSERT INTO announcements (event_id) VALUES ($1)', values: [firstId(TODAY - 33)] }),
      () => db.query({ text: 'DELETE FROM announcements' }),
    ],
    [
      'a running recovery',
      async () => {
        const id = await beginRecovery(db, webhookId, 'failed')
        const values = [id, firstId(TODAY - 33)]
        await db.query({ text: 'UPDATE recoveries SET position = $2 WHERE id = $1', values })
      },
      () => db.query({ text: "UPDATE recoveries SET status = 'completed'" }),
    ],
  ]
  for (const [because, open, close] of openWork) {
    it(`keeps a day that is over while there is work in it (${because}), and drops it afterwards`, async () => {
      await open()
      const kept = await drop()
      assert.deepEqual(kept?.kept[0], { day: dates(33)[0], because })
      assert.deepEqual(await tablesOf(33), NAMES(33).sort())
      assert.ok((await listPartitions(db, 'deliveries')).includes(partitionName('deliveries', TODAY - 33)))
      await close()
      const dropped = await drop()
      assert.equal(dropped?.dropped[0], dates(33)[0])
      assert.deepEqual(await tablesOf(33), [])
    })
  }

  it('finishes what was left half detached, whichever table of whichever day', async () => {
    for (const [table, day] of [
      ['deliveries', 32],
      ['events', 33],
    ] as const) {
      await withReader(table, async () => {
        const name = partitionName(table, TODAY - day)
        const impatient = new Client({ connectionString: database.url, statement_timeout: 300 })
        await impatient.connect()
        await assert.rejects(impatient.query(`ALTER TABLE ${table} DETACH PARTITION ${name} CONCURRENTLY`), /timeout/)
        await impatient.end()
      })
    }
    assert.equal(await halfDetached(), 2)
    assert.deepEqual(await drop(), { dropped: dates(33, 32, 31), kept: [] })
    assert.equal(await halfDetached(), 0)
  })

  it('gives up in time when somebody’s transaction does not end, and is not stuck by that', async () => {
    await withReader('deliveries', async () => {
      await assert.rejects(drop(), /timeout/)
      await assert.rejects(drop(), /timeout/)
      assert.equal((await listDeliveries(db, webhookId, { limit: 10 })).length, 4)
      await db.transaction((sql) => makePartitions(sql, new Date(Date.now() + DAY_MS)))
    })
    assert.deepEqual(await drop(), { dropped: dates(33, 32, 31), kept: [] })
  })

  it('brings a detached day back when work was opened in it meanwhile', async () => {
    const name = partitionName('deliveries', TODAY - 33)
    await openDelivery(TODAY - 33, TODAY - 33)
    await db.query({ text: `ALTER TABLE deliveries DETACH PARTITION ${name} CONCURRENTLY` })
    assert.equal((await listDeliveries(db, webhookId, { limit: 10 })).length, 4)
    await drop()
    assert.equal((await listDeliveries(db, webhookId, { limit: 10 })).length, 3)
    assert.deepEqual(await tablesOf(33), NAMES(33).sort())
    await db.query({ text: 'DELETE FROM due' })
    assert.equal((await drop())?.dropped[0], dates(33)[0])
  })

  it('drops what a crash left detached', async () => {
    for (const table of ['deliveries', 'attempts'] as const) {
      const name = partitionName(table, TODAY - 33)
      await db.query({ text: `ALTER TABLE ${table} DETACH PARTITION ${name} CONCURRENTLY` })
    }
    await db.query({ text: `DROP TABLE ${partitionName('deliveries', TODAY - 33)}` })
    assert.deepEqual(await drop(), { dropped: dates(33, 32, 31), kept: [] })
    assert.deepEqual(await tablesOf(33), [])
  })

  it('is one process’s at a time, beside lists, acceptance and new days that go on', async () => {
    let over = false
    const until = async (work: () => Promise<unknown>) => {
      let times = 0
      while (!over) {
        await work()
        times += 1
      }
      return times
    }
    const tomorrow = new Date(Date.now() + DAY_MS)
    const others = Promise.all([
      until(() => listDeliveries(db, webhookId, { limit: 10 })),
      until(() => listDeliveries(db, webhookId, { limit: 10, status: 'success', since: new Date(0) })),
      until(() => insertEvents(db, [newEvent()])),
      until(() => db.transaction((sql) => makePartitions(sql, tomorrow))),
    ])
    const results = await Promise.all([drop(), drop(), drop()])
    over = true
    assert.ok((await others).every((times) => times > 0))
    const done = results.filter((result) => result !== null)
    assert.deepEqual(
      done.flatMap((result) => result.dropped),
      dates(33, 32, 31),
    )
    assert.equal(await daysAhead(db, tomorrow), DAYS_AHEAD + 1)
  })

  it('never drops a day that upkeep makes again', async () => {
    assert.equal(startOfRetention(new Date(), 1).getTime(), (TODAY - 2) * DAY_MS)
    await dropOldDays({ url: database.url, retentionDays: 1, now: new Date() })
    const before = await listPartitions(db, 'events')
    await db.transaction((sql) => makePartitions(sql, new Date()))
    assert.deepEqual(await listPartitions(db, 'events'), before)
  })

  async function openDelivery(day: number, eventDay: number): Promise<void> {
    await db.query({
      text: 'INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts) VALUES ($1, $2, $3, 1)',
      values: [firstId(day), webhookId, firstId(eventDay)],
    })
  }

  /** The tables of the day so many days ago, attached or not. */
  async function tablesOf(day: number): Promise<string[]> {
    const rows = await db.query<{ relname: string }>({
      text: "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname = ANY ($1) ORDER BY relname",
      values: [NAMES(day)],
    })
    return rows.map((row) => row.relname)
  }

  async function halfDetached(): Promise<number | undefined> {
    const [row] = await db.query<{ pending: number }>({
      text: 'SELECT count(*) AS pending FROM pg_inherits WHERE inhdetachpending',
    })
    return row?.pending
  }

  /** While somebody's transaction has read the table and does not end. */
  async function withReader(table: string, work: () => Promise<void>): Promise<void> {
    const reader = new Client({ connectionString: database.url })
    await reader.connect()
    await reader.query('BEGIN')
    await reader.query(`SELECT count(*) FROM ${table}`)
    await work()
    await reader.query('ROLLBACK')
    await reader.end()
  }
})
