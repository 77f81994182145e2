import { Pool } from 'pg'
import type { Config } from '../../config.ts'
import { compareMigrations } from '../../db/applied-migrations.ts'
import { askClock, clockBehind } from '../../db/check-clock.ts'
import type { Sql } from '../../db/database.ts'
import { daysAhead } from '../../db/partitions.ts'
import { createSecretBox } from '../../db/secret-box.ts'
import { isSafeVersion, SAFE_VERSIONS } from '../../safe-versions.ts'
import { whyAway } from '../../start-error.ts'
import { refuseUnknownKeys } from '../../webhooks/reseal-webhooks.ts'
import { clockFinding } from './clock-finding.ts'
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts'

const ABOUT = 'PostgreSQL'
const OLDEST = 150_000
const LIMIT_MS = 5_000
/** Readiness fails below it. */
const DAYS_NEEDED = 2

export async function checkPostgres(url: string, config: Config): Promise<Finding[]> {
  const pool = new Pool({
    max: 2,
    connectionString: url,
    application_name: 'ara-events doctor',
    connectionTimeoutMillis: LIMIT_MS,
    query_timeout: LIMIT_MS,
  })
  pool.on('error', () => undefined)
  try {
    await pool.query('SELECT 1')
  } catch (error) {
    await pool.end()
    return [fail(ABOUT, whyAway(error), 'Check DATABASE_URL, and that the server runs.')]
  }
  const sql: Sql = { query: ({ text, values }) => pool.query(text, [...(values ?? [])]).then(({ rows }) => rows) }
  try {
    return await look(sql, config)
  } catch (error) {
    return [fail(ABOUT, `cannot be examined: ${reasonOf(error)}`, 'The user of DATABASE_URL must own the tables.')]
  } finally {
    await pool.end()
  }
}

async function look(sql: Sql, config: Config): Promise<Finding[]> {
  const settings = await readSettings(sql)
  return [
    checkVersion(settings),
    ...checkSettings(settings, config),
    clockFinding(ABOUT, await clockBehind(() => askClock(sql))),
    ...(await checkContents(sql, config)),
  ]
}

type Settings = Record<string, string>

async function readSettings(sql: Sql): Promise<Settings> {
  const rows = await sql.query<{ name: string; setting: string }>({
    text: `SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'server_version_num', 'fsync',
             'full_page_writes', 'synchronous_commit', 'max_connections', 'server_encoding', 'in_hot_standby')`,
  })
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
}

function checkVersion({ server_version = '', server_version_num = '0' }: Settings): Finding {
  if (Number(server_version_num) < OLDEST) {
    return fail(ABOUT, `${server_version} is too old`, 'Use PostgreSQL 15 or newer.')
  }
  const safe = SAFE_VERSIONS.find(({ name }) => name === ABOUT)
  if (safe === undefined || isSafeVersion(safe, server_version)) return ok(ABOUT, `reached, ${server_version}`)
  const remedy = `Install one of ${safe.least.join(', ')} or newer; a distribution may have mended it under the old number.`
  return warn(ABOUT, `${server_version} has known flaws: ${safe.because}`, remedy)
}

/** What would lose an event after it was acknowledged, or stop the start. */
function checkSettings(settings: Settings, config: Config): Finding[] {
  const lossy = ['fsync', 'full_page_writes', 'synchronous_commit'].filter((name) => settings[name] === 'off')
  const most = Number(settings['max_connections'])
  // One pool for REST and one for the work, of which several processes have one each.
  const needed = 2 * config.database.pool
  return [
    ...lossy.map((name) => fail(ABOUT, `${name} is off: what was acknowledged can be lost`, `Set ${name} = on.`)),
    ...(lossy.length === 0
      ? [ok(ABOUT, 'keeps what was committed (fsync, full_page_writes, synchronous_commit)')]
      : []),
    ...(settings['server_encoding'] === 'UTF8'
      ? []
      : [fail(ABOUT, `the database is in ${settings['server_encoding']}`, 'Make it anew with the encoding UTF8.')]),
    ...(settings['in_hot_standby'] === 'on'
      ? [fail(ABOUT, 'this is a standby, which takes no writes', 'Name the primary in DATABASE_URL.')]
      : []),
    most >= needed
      ? ok(ABOUT, `takes ${most} connections; each of our processes opens up to ${config.database.pool}`)
      : warn(
          ABOUT,
          `takes ${most} connections, fewer than ${needed}`,
          'Raise max_connections, or lower DATABASE_POOL.',
        ),
  ]
}

async function checkContents(sql: Sql, config: Config): Promise<Finding[]> {
  const { missing, unknown } = await compareMigrations(sql)
  if (missing.length > 0) {
    const says = `${missing.length} migrations are yet to be run (${missing[0]}${missing.length > 1 ? ' …' : ''})`
    return [fail('database', says, 'Run ara-events migrate.')]
  }
  const newer = warn('database', `has migrations of a newer version: ${unknown.join(', ')}`, 'Run the newer version.')
  const current = unknown.length > 0 ? newer : ok('database', 'up to date')
  return [current, await checkDays(sql), ...(await checkKeys(sql, config))]
}

async function checkDays(sql: Sql): Promise<Finding> {
  const days = await daysAhead(sql, new Date())
  if (days >= DAYS_NEEDED) return ok('partitions', `there for ${days} days`)
  return fail(
    'partitions',
    `there for ${days} days only`,
    'Run ara-events migrate; a running worker makes them by itself.',
  )
}

async function checkKeys(sql: Sql, { secrets }: Config): Promise<Finding[]> {
  if (secrets.secretsKeys === undefined) return []
  try {
    await refuseUnknownKeys(sql, createSecretBox(secrets.secretsKeys))
    return [ok('SECRETS_KEY', 'opens what is stored')]
  } catch (error) {
    const says = reasonOf(error).split('\n').at(-1)?.trim() ?? ''
    return [fail('SECRETS_KEY', says, 'Add the old keys behind the new one.')]
  }
}
