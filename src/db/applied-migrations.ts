import { readdir } from 'node:fs/promises'
import { StartError } from '../start-error.ts'
import { type Sql, sqlState, UNDEFINED_TABLE } from './database.ts'

/*
 * Which migrations a database has, without the library that makes them: every process asks at its start.
 */
export const MIGRATIONS = new URL('../../migrations/', import.meta.url)

/**
 * For processes that do not migrate. A database that is newer than they are is good: so old ones go on while new ones come.
 * @throws StartError when a migration of ours is missing
 */
export async function refuseUnmigrated(sql: Sql): Promise<void> {
  const applied = await listApplied(sql)
  const missing = (await migrationNames()).filter((name) => !applied.has(name))
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

/** The migrations that this program has and the database does not, and those of a newer program. */
export async function compareMigrations(sql: Sql): Promise<{ missing: string[]; unknown: string[] }> {
  const ours = await migrationNames()
  const [table] = await sql.query<{ found: string | null }>({ text: "SELECT to_regclass('knex_migrations') AS found" })
  const rows = table?.found ? await sql.query<{ name: string }>({ text: 'SELECT name FROM knex_migrations' }) : []
  const applied = rows.map(({ name }) => name)
  return {
    missing: ours.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !ours.includes(name)),
  }
}

/** As they are stored: knex would take `0001-x.ts` from tsx and `0001-x.js` from the build for two. */
export async function migrationNames(): Promise<string[]> {
  const files = await readdir(MIGRATIONS)
  return files
    .filter((file) => /\.(ts|js)$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => file.replace(/\.(ts|js)$/, ''))
    .sort()
}
