import { readdir } from 'node:fs/promises'
import { StartError } from '../start-error.ts'
import type { Sql } from './database.ts'

/*
 * Which migrations a database has, without the library that makes them: every process asks at its start.
 */
export const MIGRATIONS = new URL('../../migrations/', import.meta.url)

/**
 * For processes that do not migrate. A database that is newer than they are is good: so old ones go on while new ones come.
 * @throws StartError when a migration of ours is missing
 */
export async function refuseUnmigrated(sql: Sql): Promise<void> {
  const { applied, missing } = await compareMigrations(sql)
  if (missing.length === 0) return
  const what = applied.length === 0 ? 'has no tables' : `lacks ${missing.join(', ')}`
  throw new StartError(`The database ${what}: run the release first (node dist/src/release.js).`)
}

/** What the database has, what of this program's it lacks, and what only a newer program knows. */
export async function compareMigrations(
  sql: Sql,
): Promise<{ applied: string[]; missing: string[]; unknown: string[] }> {
  const ours = await migrationNames()
  const [table] = await sql.query<{ found: string | null }>({ text: "SELECT to_regclass('knex_migrations') AS found" })
  const rows = table?.found ? await sql.query<{ name: string }>({ text: 'SELECT name FROM knex_migrations' }) : []
  const applied = rows.map(({ name }) => name)
  return {
    applied,
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
