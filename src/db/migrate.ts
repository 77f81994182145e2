import { readdir } from 'node:fs/promises'
import { runMigrations as runBullMigrations } from 'bullmq'
import knex from 'knex'
import { Client } from 'pg'
import { cannotReach } from '../start-error.ts'
import type { Sql } from './database.ts'
import { makePartitions } from './partitions.ts'

interface Migration {
  up: (knex: knex.Knex) => Promise<void>
  down: (knex: knex.Knex) => Promise<void>
}

const FOLDER = new URL('../../migrations/', import.meta.url)
/** Guards the steps that knex's own lock does not cover. Any constant that no other program of this database uses. */
const LOCK = 0x61726165

/**
 * Brings a database up to date: our tables, BullMQ's when its jobs live in PostgreSQL, and the partitions of the next days.
 * May run in several processes at once; they take turns.
 * @returns the names of the migrations that were run now
 * @throws StartError when the database cannot be reached
 */
export async function migrate(options: { url: string; queueInPostgres: boolean; now: Date }): Promise<string[]> {
  const client = new Client({ connectionString: options.url, application_name: 'ara-events release' })
  // A connection that breaks fails the statement under way; without a listener it would also end the process.
  client.on('error', () => undefined)
  await client.connect().catch((error: unknown) => {
    throw cannotReach('PostgreSQL', error)
  })
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    const applied = await runOurMigrations(options.url)
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

async function runOurMigrations(url: string): Promise<string[]> {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
  try {
    const [, names] = await db.migrate.latest({ migrationSource: namesWithoutExtension })
    return names
  } finally {
    await db.destroy()
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
