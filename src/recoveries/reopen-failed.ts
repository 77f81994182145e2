import type { Sql } from '../db/database.ts'
import { idRange } from '../db/id-bounds.ts'
import type { Round, RoundOf } from './recovery-round.ts'

/**
 * Opens the next deliveries that ended without success: `failed`, or `canceled` when the webhook was turned off. Each gets
 * another round of the webhook's `max_attempts`; numbers go on, the pauses begin anew, its failure leaves the counters.
 *
 * The two statuses are two ranges of the same index, read in the order of their ids, so a round costs the same wherever in
 * the log it is. The deliveries are locked in that order before their open work is written, as a retry by hand does it, and
 * what somebody else has locked is being opened by them.
 */
export async function reopenFailed(sql: Sql, { recovery, webhook, most }: RoundOf): Promise<Round> {
  const closed = await sql.query<{ id: string }>({
    text: `
      SELECT id FROM (
        (SELECT id FROM deliveries WHERE webhook_id = $1 AND status = 'failed' AND NOT test AND id > $2 AND id < $3
         ORDER BY id LIMIT $4)
        UNION ALL
        (SELECT id FROM deliveries WHERE webhook_id = $1 AND status = 'canceled' AND NOT test AND id > $2 AND id < $3
         ORDER BY id LIMIT $4)
      ) AS either ORDER BY id LIMIT $4`,
    values: [recovery.webhook_id, recovery.position, recovery.end_position, most],
  })
  const last = closed.at(-1)
  if (!last) return { reached: recovery.end_position, recovered: 0, skipped: 0, over: true }
  const opened = await openAgain(sql, recovery.webhook_id, closed, webhook.max_attempts)
  if (opened.length > 0) await showOpened(sql, recovery.webhook_id, opened)
  return {
    reached: last.id,
    recovered: opened.length,
    skipped: closed.length - opened.length,
    over: closed.length < most,
  }
}

interface Opened {
  id: string
  attempt: number
  max_attempts: number
  failed: boolean
}

async function openAgain(
  sql: Sql,
  webhookId: string,
  closed: readonly { id: string }[],
  maxAttempts: number,
): Promise<Opened[]> {
  const ids = closed.map((delivery) => delivery.id)
  return sql.query<Opened>({ text: OPEN_AGAIN, values: [webhookId, ids, maxAttempts, ...idRange(ids)] })
}

/** The range of the ids ($4 to $5) keeps each step in the days that hold them, their list from reading what lies between. */
const OPEN_AGAIN = `
  WITH closed AS MATERIALIZED (
    SELECT id, event_id, status, attempt FROM deliveries
    WHERE id BETWEEN $4 AND $5 AND id = ANY ($2) AND status IN ('failed', 'canceled')
    ORDER BY id FOR UPDATE SKIP LOCKED
  ), logged AS MATERIALIZED (
    SELECT delivery_id, max(attempt) AS attempt FROM attempts
    WHERE delivery_id BETWEEN $4 AND $5 AND delivery_id = ANY ($2) GROUP BY delivery_id
  ), made AS MATERIALIZED (
    SELECT closed.id, closed.event_id, closed.status, greatest(closed.attempt, coalesce(logged.attempt, 0)) AS attempts
    FROM closed LEFT JOIN logged ON logged.delivery_id = closed.id
  ), opened AS (
    INSERT INTO due (delivery_id, webhook_id, event_id, attempt, earlier_attempts, max_attempts)
    SELECT id, $1, event_id, attempts, attempts, attempts + $3 FROM made ORDER BY id
    ON CONFLICT DO NOTHING RETURNING delivery_id, attempt, max_attempts
  )
  SELECT made.id, opened.attempt, opened.max_attempts, made.status = 'failed' AS failed
  FROM opened JOIN made ON made.id = opened.delivery_id`

async function showOpened(sql: Sql, webhookId: string, opened: readonly Opened[]): Promise<void> {
  const ids = opened.map((delivery) => delivery.id)
  await sql.query({
    text: `UPDATE deliveries SET max_attempts = ($3::int[])[array_position($1, id)],
             status = CASE ($2::int[])[array_position($1, id)] WHEN 0 THEN 'pending' ELSE 'retrying' END,
             error = nullif(error, 'canceled'),
             error_message = CASE WHEN error IS DISTINCT FROM 'canceled' THEN error_message END
           WHERE id = ANY ($1) AND id BETWEEN $4 AND $5`,
    values: [
      ids,
      opened.map((delivery) => delivery.attempt),
      opened.map((delivery) => delivery.max_attempts),
      ...idRange(ids),
    ],
  })
  await sql.query({
    text: `UPDATE webhook_stats SET delivery_count = delivery_count - $2, failure_count = failure_count - $2,
             exhausted_in_row = greatest(exhausted_in_row - $2, 0)
           WHERE webhook_id = $1 AND $2 > 0`,
    values: [webhookId, opened.filter((delivery) => delivery.failed).length],
  })
}
