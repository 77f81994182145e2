import { uuidTime } from '../ids.ts'
import { type Sql, sqlState, UNDEFINED_TABLE } from './database.ts'
import { lowestIdAt } from './id-bounds.ts'

/**
 * Tables that are cut into days of their UUIDv7.
 *
 * A statement that waits for rows, by FOR UPDATE or an UPDATE, must not join a partitioned table: when such a row changes
 * meanwhile, PostgreSQL 18 looks at it again with a copy of the plan, and what that copy leaves of the choice of partitions by
 * the rows of a join ends the server's process (seen with 18.4; all connections are lost with it). It names the table of a day
 * instead, or the rows by their ids.
 */
export const PARTITIONED = ['events', 'deliveries', 'attempts'] as const
export type Partitioned = (typeof PARTITIONED)[number]
export const DAY_MS = 86_400_000

/** How far ahead days are made; readiness fails below two. */
export const DAYS_AHEAD = 7
/** Producers may name ids up to a day old, and machines' clocks differ: so two days back. */
const DAYS_BACK = 2

/**
 * Makes the days from two back to seven ahead. A day is created beside the table and then attached, which takes a weaker lock
 * than `CREATE TABLE … PARTITION OF` and so never stops the inserts of others. Runs in a transaction; two at once take turns,
 * since they would attach the same days.
 */
export async function makePartitions(sql: Sql, now: Date): Promise<void> {
  await sql.query({ text: "SELECT pg_advisory_xact_lock(hashtextextended('ara partitions', 0))" })
  const today = Math.floor(now.getTime() / DAY_MS)
  for (const table of PARTITIONED) {
    const existing = new Set(await listPartitions(sql, table))
    for (let day = today - DAYS_BACK; day <= today + DAYS_AHEAD; day += 1) {
      const name = partitionName(table, day)
      if (!existing.has(name)) await makePartition(sql, table, name, day)
    }
  }
}

/** How many whole days from `now` on every partitioned table can take. */
export async function daysAhead(sql: Sql, now: Date): Promise<number> {
  const today = Math.floor(now.getTime() / DAY_MS)
  const perTable = await Promise.all(
    PARTITIONED.map(async (table) => {
      const existing = new Set(await listPartitions(sql, table))
      let days = 0
      while (existing.has(partitionName(table, today + days))) days += 1
      return days
    }),
  )
  return Math.min(...perTable)
}

/** The time from which on everything is kept. */
export function startOfRetention(now: Date, retentionDays: number): Date {
  return new Date(firstKeptDay(now, retentionDays) * DAY_MS)
}

/** What `makePartitions` would make again is never old. */
export function firstKeptDay(now: Date, retentionDays: number): number {
  return Math.floor(now.getTime() / DAY_MS) - Math.max(retentionDays, DAYS_BACK)
}

/** The days of a table, oldest first, by the names of their partitions. */
export async function listPartitions(sql: Sql, table: string): Promise<string[]> {
  const rows = await sql.query<{ name: string }>({
    text: `SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
           WHERE inhparent = $1::regclass ORDER BY child.relname`,
    values: [table],
  })
  return rows.map((row) => row.name)
}

/**
 * How full pages are filled by inserts, in per cent. An attempt is some 150 bytes when it begins and several times as much when it
 * has ended: with room in its page no index is written again, and the first version makes room for the next.
 */
const FILL: Partial<Record<Partitioned, number>> = { attempts: 20 }

async function makePartition(sql: Sql, table: Partitioned, name: string, day: number): Promise<void> {
  await sql.query({
    text: `CREATE TABLE IF NOT EXISTS ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
           WITH (fillfactor = ${FILL[table] ?? 100})`,
  })
  await attachPartition(sql, table, name, day)
}

export async function attachPartition(sql: Sql, table: string, name: string, day: number): Promise<void> {
  await sql.query({
    text: `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${firstId(day)}') TO ('${firstId(day + 1)}')`,
  })
}

/**
 * Runs a statement on each day's table that the given rows are in; a day that is not there, or no longer, has none of them.
 * @param run gets a day, for `partitionName`, and its rows
 */
export async function inEachDay<Row, Result>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  run: (day: number, rows: Row[]) => Promise<Result[]>,
): Promise<Result[]> {
  const days = new Map<number, Row[]>()
  for (const row of rows) {
    const day = Math.floor(uuidTime(idOf(row)) / DAY_MS)
    if (Number.isNaN(day)) continue
    const group = days.get(day)
    if (group) group.push(row)
    else days.set(day, [row])
  }
  const found = await Promise.all([...days].map(([day, ofDay]) => run(day, ofDay).catch(noneIfMissing)))
  return found.flat()
}

function noneIfMissing(error: unknown): [] {
  if (sqlState(error) === UNDEFINED_TABLE) return []
  throw error
}

export function partitionName(table: string, day: number): string {
  return `${table}_${new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`
}

/** The smallest id of a day, which is counted from 1970. */
export function firstId(day: number): string {
  return lowestIdAt(new Date(day * DAY_MS))
}
