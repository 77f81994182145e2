import type { Sql } from '../db/database.ts'

/** An event ready to be stored: validated, completed, numbered and in its canonical text. */
export interface NewEvent {
  id: string
  type: string
  symbol: string | null
  userId: string | null
  canonical: string
  timestamp: string
  publishedBy: string
  /** It is also a message of a stream, so its announcement is owed until made. */
  streamed: boolean
}

/**
 * Stores events, one delivery for every active webhook that subscribes to each, the open work of those deliveries and the
 * owed announcements: one statement, so all of it or nothing.
 * @returns the number of deliveries of each event, by its id
 */
export async function insertEvents(sql: Sql, events: readonly NewEvent[]): Promise<Map<string, number>> {
  const rows = await sql.query<{ event_id: string; deliveries: number }>({
    name: 'events-insert',
    text: `
      WITH event AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::boolean[])
          AS given(id, event_type, symbol, user_id, canonical, "timestamp", published_by, streamed)
      ), stored AS (
        INSERT INTO events (id, event_type, symbol, user_id, canonical, "timestamp", published_by)
        SELECT id, event_type, symbol, user_id, canonical, "timestamp", published_by FROM event
      ), announced AS (
        INSERT INTO announcements (event_id) SELECT id FROM event WHERE streamed
      ), owed AS (
        INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, max_attempts)
        SELECT uuid_v7(), webhook.id, event.id, event.event_type, webhook.user_id, webhook.max_attempts
        FROM event JOIN webhooks webhook ON webhook.active
          AND webhook.events && ARRAY[event.event_type, '*']
          AND (event.user_id IS NULL OR event.user_id = webhook.user_id)
          AND (webhook.symbols IS NULL OR event.symbol = ANY (webhook.symbols))
        RETURNING id, webhook_id, event_id, max_attempts
      ), opened AS (
        INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts)
        SELECT id, webhook_id, event_id, max_attempts FROM owed
      )
      SELECT event_id, count(*) AS deliveries FROM owed GROUP BY event_id`,
    values: [
      events.map((event) => event.id),
      events.map((event) => event.type),
      events.map((event) => event.symbol),
      events.map((event) => event.userId),
      events.map((event) => event.canonical),
      events.map((event) => event.timestamp),
      events.map((event) => event.publishedBy),
      events.map((event) => event.streamed),
    ],
  })
  return new Map(rows.map((row) => [row.event_id, row.deliveries]))
}
