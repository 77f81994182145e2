import type { Sql } from '../db/database.ts'
import { idsAround } from '../db/id-bounds.ts'
import { SUBSCRIBES } from '../webhooks/subscribes.ts'
import type { Round, RoundOf } from './recovery-round.ts'

/** How many events one round reads: some 20 ms. */
const MOST_READ = 1_000
/** A delivery is made when its event is accepted, which is at most a day (and what clocks differ) from the time in the event's id. */
const APART_MS = 2 * 86_400_000

/**
 * Opens deliveries of the next events that the webhook would have got and has none of.
 *
 * Exactly one delivery a pair: an event and its deliveries are committed together, so a statement that sees the one sees the
 * others; two rounds of one webhook wait for each other by the row of their recovery. A delivery's id carries the time of
 * its event, so that it lies, and one day goes, with it.
 */
export async function openMissing(sql: Sql, { recovery, most }: RoundOf): Promise<Round> {
  const [page] = await sql.query<{ last: string | null; read: number }>({
    text: `WITH page AS (SELECT id FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3)
           SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*) FROM page) AS read`,
    values: [recovery.position, recovery.end_position, MOST_READ],
  })
  if (!page?.last) return { reached: recovery.end_position, recovered: 0, skipped: 0, over: true }
  const [row] = await sql.query<{ recovered: number; skipped: number; reached: string }>({
    text: OPEN,
    values: [
      recovery.webhook_id,
      recovery.position,
      page.last,
      most,
      ...idsAround(recovery.position, page.last, APART_MS),
    ],
  })
  const { recovered = 0, skipped = 0, reached = page.last } = row ?? {}
  return { reached, recovered, skipped, over: reached === page.last && page.read < MOST_READ }
}

/**
 * The look for a delivery must go by the index (event_id, webhook_id). As a set it would read all that the webhook got in these
 * days; and a plain comparison of `webhook_id` lets the planner go by the webhook, which its statistics take for one without
 * deliveries while a recovery is opening its first: then each event costs more than the one before. As part of a row that begins
 * with the event, it serves this index only.
 */
export const OPEN = `
  WITH owed AS MATERIALIZED (
    SELECT event.id, event.event_type, webhook.user_id, webhook.max_attempts, got.id IS NOT NULL AS is_there
    FROM events event JOIN webhooks webhook ON webhook.id = $1 AND ${SUBSCRIBES}
    LEFT JOIN LATERAL (
      SELECT deliveries.id FROM deliveries WHERE deliveries.event_id = event.id AND deliveries.id BETWEEN $5 AND $6
        AND (deliveries.event_id, deliveries.webhook_id) >= (event.id, $1)
        AND (deliveries.event_id, deliveries.webhook_id) <= (event.id, $1)
      LIMIT 1
    ) AS got ON true
    WHERE event.id > $2 AND event.id <= $3 AND NOT event.test
  ), absent AS MATERIALIZED (
    SELECT (left(id::text, 13) || substr(uuid_v7()::text, 14))::uuid AS delivery_id, owed.*
    FROM owed WHERE NOT is_there ORDER BY id LIMIT $4
  ), opened AS (
    INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, max_attempts)
    SELECT delivery_id, $1, id, event_type, user_id, max_attempts FROM absent
  ), queued AS (
    INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts) SELECT delivery_id, $1, id, max_attempts FROM absent
  ), reached AS (
    SELECT CASE WHEN (SELECT count(*) FROM absent) < $4 THEN $3::uuid
      ELSE (SELECT id FROM absent ORDER BY id DESC LIMIT 1) END AS id
  )
  SELECT (SELECT count(*) FROM absent) AS recovered,
    (SELECT count(*) FROM owed WHERE is_there AND owed.id <= reached.id) AS skipped, reached.id AS reached
  FROM reached`
