import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import knex from 'knex'
import { refuseUnmigrated } from '../../../src/db/applied-migrations.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { daysAhead, listPartitions, makePartitions } from '../../../src/db/partitions.ts'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { uuidv7 } from '../../../src/ids.ts'
import { newEvent } from '../../support/rows.ts'
import { createEmptyDatabase } from '../../support/work-empty-database.ts'

const NOW = new Date('2026-11-23T12:00:00Z')
const DAY_MS = 86_400_000

describe('migrating a database', () => {
  let empty: Awaited<ReturnType<typeof createEmptyDatabase>>
  let db: Database

  beforeEach(async () => {
    empty = await createEmptyDatabase()
    db = openDatabase({ url: empty.url, pool: 10, name: 'test', onError: () => undefined })
  })
  afterEach(async () => {
    await db.close()
    await empty.drop()
  })

  it('makes everything in an empty database and has nothing to do the second time', async () => {
    const names = (await readdir(new URL('../../../migrations/', import.meta.url))).map((file) =>
      file.replace('.ts', ''),
    )
    assert.deepEqual(await run(), names.sort())
    const tables = await tablesOf('public')
    assert.deepEqual(await run(), [])
    assert.deepEqual(await tablesOf('public'), tables)
    for (const table of ['events', 'deliveries', 'attempts', 'due', 'webhooks'])
      assert.ok(tables.includes(table), table)
    assert.ok((await tablesOf('bullmq')).includes('job'))
  })

  it('leaves BullMQ’s tables out when its jobs are in Redis, and adds them when that changes', async () => {
    await migrate({ url: empty.url, queueInPostgres: false, now: NOW })
    assert.deepEqual(await tablesOf('bullmq'), [])
    assert.deepEqual(await run(), [])
    assert.ok((await tablesOf('bullmq')).includes('job'))
  })

  it('is asked for in one line by processes that find it undone, and not by older ones than the database', async () => {
    await assert.rejects(refuseUnmigrated(db), {
      name: 'StartError',
      message: /^The database has no tables: run the release/,
    })
    await run()
    await refuseUnmigrated(db)
    await db.query({ text: "INSERT INTO knex_migrations (name) VALUES ('9999-of-a-newer-version')" })
    await refuseUnmigrated(db)
    await db.query({ text: "DELETE FROM knex_migrations WHERE name = '0003-secret-rotation'" })
    await assert.rejects(refuseUnmigrated(db), /^StartError: The database lacks 0003-secret-rotation: run the release/)
  })

  it('says what to do where the database is missing or the login is refused', async () => {
    const wrong = (change: (url: URL) => void) => {
      const url = new URL(empty.url)
      change(url)
      return migrate({ url: url.href, queueInPostgres: true, now: NOW })
    }
    await assert.rejects(
      wrong((url) => {
        url.pathname = '/nothing-here'
      }),
      /^StartError: PostgreSQL was reached, but database "nothing-here" .*: make it \(createdb nothing-here\), or /,
    )
    await assert.rejects(
      wrong((url) => {
        url.username = 'nobody'
      }),
      /^StartError: PostgreSQL was reached, but refuses the login: .*; check the user and the password of DATABASE_URL/,
    )
  })

  it('gives up, undone, when somebody holds a table for too long', async () => {
    await run()
    await db.query({ text: 'ALTER TABLE events DROP COLUMN traceparent' })
    await db.query({ text: "DELETE FROM knex_migrations WHERE name = '0022-trace-context'" })
    await db.transaction(async (sql) => {
      await sql.query({ text: 'SELECT count(*) FROM events' })
      const migrating = migrate({ url: empty.url, queueInPostgres: true, now: NOW, lockMs: 200 })
      await assert.rejects(migrating, { name: 'StartError', message: /held up a migration.*run the release again/ })
    })
    assert.deepEqual(await run(), ['0022-trace-context'])
  })

  it('may run several times at once', async () => {
    const applied = await Promise.all([run(), run(), run(), run()])
    assert.equal(applied.filter((names) => names.length > 0).length, 1)
    assert.equal(await daysAhead(db, NOW), 8)
  })

  it('stores the names of migrations without their extension, so that the build finds what tsx ran', async () => {
    await run()
    const rows = await db.query<{ name: string }>({ text: 'SELECT name FROM knex_migrations' })
    assert.ok(rows.length > 0 && rows.every(({ name }) => /^\d{4}-[a-z0-9-]+$/.test(name)))
  })

  it('makes the days from two back to seven ahead, and what is stored finds its day', async () => {
    await run()
    for (const table of ['events', 'deliveries', 'attempts']) {
      const days = await listPartitions(db, table)
      assert.equal(days.length, 10)
      assert.deepEqual([days[0], days.at(-1)], [`${table}_20261121`, `${table}_20261130`])
    }
    assert.equal(await daysAhead(db, NOW), 8)
    assert.equal(await daysAhead(db, new Date(NOW.getTime() + 7 * DAY_MS)), 1)
    for (const day of [-2, 0, 7]) {
      const id = uuidv7(NOW.getTime() + day * DAY_MS)
      await insertEvents(db, [newEvent({ id })])
      const [row] = await db.query<{ table: string }>({
        text: 'SELECT tableoid::regclass::text AS table FROM events WHERE id = $1',
        values: [id],
      })
      const date = new Date(NOW.getTime() + day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')
      assert.equal(row?.table, `events_${date}`)
    }
    await assert.rejects(insertEvents(db, [newEvent({ id: uuidv7(NOW.getTime() + 8 * DAY_MS) })]))
  })

  it('makes days beside a worker that makes the same ones', async () => {
    await run()
    for (let day = 1; day <= 5; day += 1) {
      const now = new Date(NOW.getTime() + day * DAY_MS)
      const upkeep = () => db.transaction((sql) => makePartitions(sql, now))
      await Promise.all([upkeep(), migrate({ url: empty.url, queueInPostgres: true, now }), upkeep()])
      assert.equal(await daysAhead(db, now), 8)
    }
  })

  it('finishes a day that was created and not attached', async () => {
    await run()
    await db.query({ text: 'CREATE TABLE events_20261201 (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)' })
    const tomorrow = new Date(NOW.getTime() + DAY_MS)
    await migrate({ url: empty.url, queueInPostgres: true, now: tomorrow })
    assert.equal(await daysAhead(db, tomorrow), 8)
  })

  it('can be taken back and made again', async () => {
    await run()
    const tables = await tablesOf('public')
    const connection = knex({ client: 'pg', connection: empty.url })
    try {
      const files = (await readdir(new URL('../../../migrations/', import.meta.url))).sort()
      const steps = await Promise.all(files.map((file) => import(`../../../migrations/${file}`)))
      for (const step of steps.toReversed()) await step.down(connection)
      assert.deepEqual(await tablesOf('public'), ['knex_migrations', 'knex_migrations_lock'])
      for (const step of steps) await step.up(connection)
    } finally {
      await connection.destroy()
    }
    await run()
    assert.deepEqual(await tablesOf('public'), tables)
  })

  function run(): Promise<string[]> {
    return migrate({ url: empty.url, queueInPostgres: true, now: NOW })
  }

  async function tablesOf(schema: string): Promise<string[]> {
    const rows = await db.query<{ tablename: string }>({
      text: 'SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename',
      values: [schema],
    })
    return rows.map((row) => row.tablename)
  }
})
