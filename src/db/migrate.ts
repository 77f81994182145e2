import { readdir } from 'node:fs/promises'
import { runMigrations as runBullMigrations } from 'bullmq'
import knex from 'knex'
import { Client } from 'pg'
import { cannotReach, StartError } from '../start-error.ts'
import { LOCK_NOT_AVAILABLE, type Sql, sqlState, UNDEFINED_TABLE } from './database.ts'
import { makePartitions } from './partitions.ts'

interface Migration {
  up: (knex: knex.Knex) => Promise<void>
  down: (knex: knex.Knex) => Promise<void>
}

const FOLDER = new URL('../../migrations/', import.meta.url)
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

/**
 * For processes that do not migrate. A database that is newer than they are is good: so old ones go on while new ones come.
 * @throws StartError when a migration of ours is missing
 */
export async function refuseUnmigrated(sql: Sql): Promise<void> {
  const applied = await listApplied(sql)
  const missing = (await namesWithoutExtension.getMigrations()).filter((name) => !applied.has(name))
  if (missing.length === 0) return
  const what = applied.size === 0 ? 'has no tables' : `lacks ${missing.join(', ')}`
  throw new StartError(`The database ${what}: run the release first (node dist/src/release.js).`)
}

async function listApplied(sql: Sql): Promise<ReadonlySet<string>> {
  try {
    const rows = await sql.query<{ name: string }>({ text: 'SELECT name FROM knex_migrations' })
    return new Set(rows.map((row) => row.name))
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return new Set()
    throw error
  }
}

async function runOurMigrations(url: string, lockMs: number): Promise<string[]> {
  const beImpatient = (connection: Client, done: (error?: Error) => void) =>
    connection.query(`SET lock_timeout = ${lockMs}`, (error) => done(error))
  // What fails is thrown as well.
  const log = { warn: () => undefined, error: () => undefined }
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2, afterCreate: beImpatient }, log })
  try {
    const [, names] = await db.migrate.latest({ migrationSource: namesWithoutExtension })
    return names
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error
    const who = 'A transaction that stays open (a dump, a forgotten session) held up a migration'
    throw new StartError(`${who}: it was given up and undone. End that transaction and run the release again.`, error)
  } finally {
    await db.destroy()
  }
}

/** The migrations that this program has and the database does not, and those of a newer program. */
export async function compareMigrations(sql: Sql): Promise<{ missing: string[]; unknown: string[] }> {
  const ours = await namesWithoutExtension.getMigrations()
  const [table] = await sql.query<{ found: string | null }>({ text: "SELECT to_regclass('knex_migrations') AS found" })
  const rows = table?.found ? await sql.query<{ name: string }>({ text: 'SELECT name FROM knex_migrations' }) : []
  const applied = rows.map(({ name }) => name)
  return {
    missing: ours.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !ours.includes(name)),
  }
}

/** knex would store `0001-x.ts` from tsx and `0001-x.js` from the build: two histories of one database. */
const namesWithoutExtension = {
  async getMigrations(): Promise<string[]> {
    const files = await readdir(FOLDER)
    return files
      .filter((file) => /\.(ts|js)$/.test(file) && !file.endsWith('.d.ts'))
      .map((file) => file.replace(/\.(ts|js)$/, ''))
      .sort()
  },
  getMigrationName: (name: string) => name,
  async getMigration(name: string): Promise<Migration> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    return import(new URL(`${name}.${extension}`, FOLDER).href)
  },
}
