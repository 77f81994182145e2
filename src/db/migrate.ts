import { runMigrations as runBullMigrations } from 'bullmq'
import knex from 'knex'
import { Client } from 'pg'
import { cannotReach, StartError } from '../start-error.ts'
import { MIGRATIONS, migrationNames } from './applied-migrations.ts'
import { LOCK_NOT_AVAILABLE, type Sql, sqlState } from './database.ts'
import { makePartitions } from './partitions.ts'

interface Migration {
  up: (knex: knex.Knex) => Promise<void>
  down: (knex: knex.Knex) => Promise<void>
}

/** Guards the steps that knex's own lock does not cover. Any constant that no other program of this database uses. */
const LOCK = 0x61726165
/** Who waits for a lock on a table makes everybody behind wait too. */
const LOCK_MS = 10_000

/**
 * Brings a database up to date: our tables, BullMQ's when its jobs live in PostgreSQL, and the partitions of the next days.
 * May run in several processes at once; they take turns.
 * @returns the names of the migrations that were run now
 * @throws StartError when the database cannot be reached, or a table is locked for too long
 */
export async function migrate(options: {
  url: string
  queueInPostgres: boolean
  now: Date
  lockMs?: number
}): Promise<string[]> {
  const client = new Client({ connectionString: options.url, application_name: 'ara-events release' })
  // A connection that breaks fails the statement under way; without a listener it would also end the process.
  client.on('error', () => undefined)
  await client.connect().catch((error: unknown) => {
    throw cannotReach('PostgreSQL', error)
  })
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    const applied = await runOurMigrations(options.url, options.lockMs ?? LOCK_MS)
    if (options.queueInPostgres) await runBullMigrations(client)
    const sql: Sql = {
      query: ({ text, values }) => client.query(text, [...(values ?? [])]).then((result) => result.rows),
    }
    await client.query('BEGIN')
    await makePartitions(sql, options.now)
    await client.query('COMMIT')
    return applied
  } finally {
    await client.end()
  }
}

async function runOurMigrations(url: string, lockMs: number): Promise<string[]> {
  const beImpatient = (connection: Client, done: (error?: Error) => void) =>
    connection.query(`SET lock_timeout = ${lockMs}`, (error) => done(error))
  // What fails is thrown as well.
  const log = { warn: () => undefined, error: () => undefined }
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2, afterCreate: beImpatient }, log })
  try {
    const [, names] = await db.migrate.latest({ migrationSource })
    return names
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error
    const who = 'A transaction that stays open (a dump, a forgotten session) held up a migration'
    throw new StartError(`${who}: it was given up and undone. End that transaction and run the release again.`, error)
  } finally {
    await db.destroy()
  }
}

const migrationSource = {
  getMigrations: migrationNames,
  getMigrationName: (name: string) => name,
  async getMigration(name: string): Promise<Migration> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    return import(new URL(`${name}.${extension}`, MIGRATIONS).href)
  },
}
