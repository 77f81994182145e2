import type { Database } from '../../src/db/database.ts'
import { publicId } from '../../src/ids.ts'
import type { AttemptRow, DatabaseLedger, DeliveryRow } from './ledgers.ts'

/** The database's ledger, of everything in it. An event's submission is the `message` of its data. */
export async function readDatabase(db: Database): Promise<DatabaseLedger> {
  return {
    events: await readEvents(db),
    deliveries: await readDeliveries(db),
    attempts: await readAttempts(db),
    counters: await readCounters(db),
    open: await count(db, 'due'),
    unannounced: await count(db, 'announcements'),
  }
}

export async function count(db: Database, table: 'due' | 'announcements'): Promise<number> {
  const [row] = await db.query<{ count: number }>({ text: `SELECT count(*) FROM ${table}` })
  return row?.count ?? 0
}

async function readEvents(db: Database): Promise<DatabaseLedger['events']> {
  const rows = await db.query<{ id: string; submission: string }>({
    text: `SELECT id, canonical::json #>> '{data,message}' AS submission FROM events`,
  })
  return rows.map(({ id, submission }) => ({ id: publicId('evt', id), submission }))
}

async function readDeliveries(db: Database): Promise<DeliveryRow[]> {
  const rows = await db.query<DeliveryRow>({
    text: `SELECT id, event_id AS event, webhook_id AS webhook, status, attempt AS attempts, max_attempts AS "maxAttempts",
             error FROM deliveries`,
  })
  return rows.map((row) => ({
    ...row,
    id: publicId('dlv', row.id),
    event: publicId('evt', row.event),
    webhook: publicId('wh', row.webhook),
  }))
}

async function readAttempts(db: Database): Promise<AttemptRow[]> {
  const rows = await db.query<AttemptRow>({
    text: `SELECT delivery_id AS delivery, attempt, status, response_code AS "responseCode", worker,
             (extract(epoch FROM started_at) * 1000)::float8 AS "startedAt" FROM attempts`,
  })
  return rows.map((row) => ({ ...row, delivery: publicId('dlv', row.delivery) }))
}

async function readCounters(db: Database): Promise<DatabaseLedger['counters']> {
  const rows = await db.query<{ webhook: string; deliveries: number; successes: number }>({
    text: 'SELECT webhook_id AS webhook, delivery_count AS deliveries, success_count AS successes FROM webhook_stats',
  })
  return rows.map((row) => ({ ...row, webhook: publicId('wh', row.webhook) }))
}
