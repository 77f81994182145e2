import { Client } from 'pg'
import { makePartitions } from '../../src/db/partitions.ts'
import { uuidv7 } from '../../src/ids.ts'
import type { Stores } from './stores.ts'
import { insertWebhooks } from './webhooks.ts'

const DAYS = 28
const DAY_MS = 86_400_000
/** Of a hundred deliveries: so many are still open, and so many have failed for good. */
const OPEN = 10
const FAILED = 1
/** Each fills other days. */
const CONNECTIONS = 2

/**
 * Fills the log as four weeks of work would have: deliveries spread evenly over days and webhooks, ten to an event, an attempt
 * for each that is over, and open work for the rest, all of it due.
 */
export async function fillLog(
  { db, databaseUrl }: Stores,
  size: { deliveries: number; webhooks: number },
): Promise<{ webhookIds: string[]; open: number }> {
  const now = Date.now()
  for (let back = DAYS; back > 0; back -= 7) await makePartitions(db, new Date(now - back * DAY_MS))
  const url = 'https://receiver.example.com/hook'
  const webhookIds = await insertWebhooks(db, Buffer.alloc(32), size.webhooks, { url, events: ['*'] })
  const perDay = Math.ceil(size.deliveries / DAYS)
  const batch = uuidv7()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, first) =>
      connected(databaseUrl, async (client) => {
        await client.query(`SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; ${UUID_AT}`)
        for (let day = 1 + first; day <= DAYS; day += CONNECTIONS) {
          await client.query(FILL_A_DAY, [webhookIds, now - day * DAY_MS, perDay, OPEN, FAILED, batch])
        }
      }),
    ),
  )
  return connected(databaseUrl, async (client) => {
    await client.query('VACUUM ANALYZE')
    const { rows } = await client.query<{ open: number }>('SELECT count(*) AS open FROM due')
    return { webhookIds, open: Number(rows[0]?.open) }
  })
}

async function connected<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A UUIDv7 of the given milliseconds; its other bits are random. */
const UUID_AT = `
  CREATE FUNCTION pg_temp.uuid_at(ms float8) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
      PLACING substring(int8send(ms::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
  $$;`

/** One statement, so that the rows of a delivery agree: events, deliveries, attempts, open work. */
const FILL_A_DAY = `
  WITH event AS MATERIALIZED (
    SELECT number, pg_temp.uuid_at($2::float8 + number * (80000000.0 / $3::int)) AS id
    FROM generate_series(0, $3::int - 1, 10) AS number
  ), delivery AS MATERIALIZED (
    SELECT pg_temp.uuid_at($2::float8 + numbered.number * (80000000.0 / $3::int)) AS id, event.id AS event_id,
      ($1::uuid[])[1 + (random() * (cardinality($1::uuid[]) - 1))::int] AS webhook_id, share < $4::int AS open,
      CASE WHEN share < $4::int THEN 'pending' WHEN share < $4::int + $5::int THEN 'failed' ELSE 'success' END AS status
    FROM (SELECT number, random() * 100 AS share FROM generate_series(0, $3::int - 1) AS number) AS numbered
    JOIN event ON event.number = numbered.number / 10 * 10
  ), events_stored AS (
    INSERT INTO events (id, event_type, canonical, "timestamp", published_by)
    SELECT id, 'model_trained', '{"data": {"model_id": "m-1", "model_type": "lstm"}, "event_id": "evt_' || id
      || '", "event_type": "model_trained", "timestamp": "2026-11-23T12:00:00.000Z"}', now(), $6::text FROM event
  ), attempts_stored AS (
    INSERT INTO attempts (delivery_id, attempt, status, worker, finished_at, url, request_headers, response_code,
      response_headers, response_body, duration_ms)
    SELECT id, 1, status, 'fill', now(), 'https://receiver.example.com/hook', '{"Content-Type":"application/json"}',
      CASE status WHEN 'success' THEN 200 ELSE 500 END, '{}', 'ok', 12 FROM delivery WHERE NOT open
  ), due_stored AS (
    INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts)
    SELECT id, webhook_id, event_id, 10 FROM delivery WHERE open
  )
  INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, status, attempt, max_attempts, response_code,
    response_body, duration_ms, delivered_at)
  SELECT id, webhook_id, event_id, 'model_trained', 'bench', status, (NOT open)::int, 10,
    CASE status WHEN 'success' THEN 200 WHEN 'failed' THEN 500 END, CASE WHEN open THEN NULL ELSE 'ok'::bytea END,
    CASE WHEN open THEN NULL ELSE 12 END, CASE status WHEN 'success' THEN now() END
  FROM delivery`
