import { Client } from 'pg'
import type { Sql } from './database.ts'
import {
  attachPartition,
  DAY_MS,
  firstId,
  firstKeptDay,
  PARTITIONED,
  type Partitioned,
  partitionName,
} from './partitions.ts'

/**
 * Retention: days of the log that are older than they are kept go as whole partitions.
 *
 * `DETACH … CONCURRENTLY` never stops the others' statements; it runs outside of a transaction and may be left half done, by a
 * crash or because somebody's transaction outlasted the time-outs. So this is a reconciliation: it looks at the tables as they
 * are, finishes what was begun and goes on from there, and what fails is done again. Deliveries go first: once that table is
 * detached nobody can open anything of the day again, and work that was opened while it went brings the day back.
 * Events stay a day longer, since a producer may name an id of up to a day before its deliveries.
 */
export interface Retention {
  /** Days that were dropped now, as 20261123. */
  dropped: string[]
  /** Days that are over and hold open work. */
  kept: { day: string; because: string }[]
}

type Tables = Map<Partitioned, { attached: boolean }>

const TIMEOUTS = {
  statement_timeout: 10_000,
  lock_timeout: 2_000,
  query_timeout: 12_000,
  connectionTimeoutMillis: 2_000,
}
/** Deliveries are dropped before what they need. */
const ORDER: readonly Partitioned[] = ['deliveries', 'attempts', 'events']
const EVENTS_LONGER = 1
/** Deliveries and their events lie at most a day, and what clocks differ, apart. */
const DAYS_APART = 2

/**
 * Drops what is older than `retentionDays`, on a connection of its own. Of several processes one does it.
 * @returns null when another does it now
 */
export async function dropOldDays(options: {
  url: string
  retentionDays: number
  now: Date
}): Promise<Retention | null> {
  const client = new Client({ connectionString: options.url, application_name: 'ara-events retention', ...TIMEOUTS })
  // A connection that breaks fails the statement under way; without a listener it would also end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const sql: Sql = {
      query: ({ text, values }) => client.query(text, [...(values ?? [])]).then((result) => result.rows),
    }
    const [lock] = await sql.query<{ taken: boolean }>({
      text: "SELECT pg_try_advisory_lock(hashtextextended('ara retention', 0)) AS taken",
    })
    return lock?.taken ? await reconcile(sql, firstKeptDay(options.now, options.retentionDays)) : null
  } finally {
    await client.end()
  }
}

async function reconcile(sql: Sql, firstKept: number): Promise<Retention> {
  await finishDetaching(sql)
  const result: Retention = { dropped: [], kept: [] }
  for (const [day, tables] of await findOldDays(sql, firstKept)) {
    const because = (await findOpenWork(sql, day)) ?? (await detachDay(sql, day, tables))
    if (because === null) {
      await dropDay(sql, day, tables)
      result.dropped.push(dayName(day))
    } else {
      await attachDay(sql, day, tables)
      result.kept.push({ day: dayName(day), because })
    }
  }
  return result
}

/** While one is half detached, PostgreSQL refuses to detach another of the same table. */
async function finishDetaching(sql: Sql): Promise<void> {
  const pending = await sql.query<{ parent: string; name: string }>({
    text: `SELECT parent.relname AS parent, child.relname AS name FROM pg_inherits
           JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
           WHERE inhdetachpending AND inhparent = ANY ($1::regclass[])`,
    values: [[...PARTITIONED]],
  })
  for (const { parent, name } of pending) {
    await sql.query({ text: `ALTER TABLE ${parent} DETACH PARTITION ${name} FINALIZE` })
  }
}

/** The tables of days that are over, oldest day first, also those that were detached and not dropped. */
async function findOldDays(sql: Sql, firstKept: number): Promise<Map<number, Tables>> {
  const rows = await sql.query<{ parent: Partitioned; date: string; attached: boolean }>({
    text: `SELECT split_part(relname, '_', 1) AS parent, split_part(relname, '_', 2) AS date, inhparent IS NOT NULL AS attached
           FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid
           WHERE relkind = 'r' AND relname ~ '^(${PARTITIONED.join('|')})_[0-9]{8}$'
             AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass)
           ORDER BY date`,
  })
  const days = new Map<number, Tables>()
  for (const { parent, date, attached } of rows) {
    const day = Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`) / DAY_MS
    if (day >= firstKept - (parent === 'events' ? EVENTS_LONGER : 0)) continue
    days.set(day, (days.get(day) ?? new Map()).set(parent, { attached }))
  }
  return days
}

async function findOpenWork(sql: Sql, day: number): Promise<string | null> {
  const [row] = await sql.query<{ because: string | null }>({
    text: `
      SELECT CASE
        WHEN EXISTS (SELECT 1 FROM due WHERE delivery_id >= $1 AND delivery_id < $2) THEN 'open deliveries'
        WHEN EXISTS (SELECT 1 FROM due WHERE delivery_id >= $3 AND delivery_id < $4 AND event_id >= $1 AND event_id < $2)
          THEN 'open deliveries of its events'
        WHEN EXISTS (SELECT 1 FROM announcements WHERE event_id >= $1 AND event_id < $2) THEN 'unannounced events'
        WHEN EXISTS (SELECT 1 FROM recoveries WHERE status = 'running' AND position < $4 AND end_position > $3)
          THEN 'a running recovery'
      END AS because`,
    values: [firstId(day), firstId(day + 1), firstId(day - DAYS_APART), firstId(day + 1 + DAYS_APART)],
  })
  return row?.because ?? null
}

/** @returns what was opened while the deliveries went: then the day stays */
async function detachDay(sql: Sql, day: number, tables: Tables): Promise<string | null> {
  for (const table of ORDER) {
    const partition = tables.get(table)
    if (!partition?.attached) continue
    await sql.query({ text: `ALTER TABLE ${table} DETACH PARTITION ${partitionName(table, day)} CONCURRENTLY` })
    partition.attached = false
    const because = table === 'deliveries' ? await findOpenWork(sql, day) : null
    if (because !== null) return because
  }
  return null
}

async function attachDay(sql: Sql, day: number, tables: Tables): Promise<void> {
  for (const [table, { attached }] of tables) {
    if (!attached) await attachPartition(sql, table, partitionName(table, day), day)
  }
}

async function dropDay(sql: Sql, day: number, tables: Tables): Promise<void> {
  for (const table of ORDER) {
    if (tables.has(table)) await sql.query({ text: `DROP TABLE ${partitionName(table, day)}` })
  }
}

function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')
}
