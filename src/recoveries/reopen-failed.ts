import type { Sql } from '../db/database.ts'
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
  const [first, last] = [closed[0], closed.at(-1)]
  if (!first || !last) return { reached: recovery.end_position, recovered: 0, skipped: 0, over: true }
  const [row] = await sql.query<{ reopened: number }>({
    text: REOPEN,
    values: [recovery.webhook_id, first.id, last.id, closed.map((delivery) => delivery.id), webhook.max_attempts],
  })
  const recovered = row?.reopened ?? 0
  return { reached: last.id, recovered, skipped: closed.length - recovered, over: closed.length < most }
}

/** The range of the ids ($2 to $3) keeps each step in the days that hold them, their list from reading what lies between. */
export const REOPEN = `
  WITH closed AS MATERIALIZED (
    SELECT id, event_id, status, attempt FROM deliveries
    WHERE id BETWEEN $2 AND $3 AND id = ANY ($4) AND status IN ('failed', 'canceled')
    ORDER BY id FOR UPDATE SKIP LOCKED
  ), made AS MATERIALIZED (
    SELECT closed.id, closed.event_id, closed.status, greatest(closed.attempt, coalesce(logged.attempt, 0)) AS attempts
    FROM closed LEFT JOIN LATERAL (
      SELECT attempts.attempt AS attempt FROM attempts
      WHERE attempts.delivery_id = closed.id AND attempts.delivery_id BETWEEN $2 AND $3
      ORDER BY attempts.attempt DESC LIMIT 1
    ) AS logged ON true
  ), opened AS (
    INSERT INTO due (delivery_id, webhook_id, event_id, attempt, earlier_attempts, max_attempts)
    SELECT id, $1, event_id, attempts, attempts, attempts + $5 FROM made ORDER BY id
    ON CONFLICT DO NOTHING RETURNING delivery_id, attempt, max_attempts
  ), reopened AS (
    UPDATE deliveries SET status = CASE opened.attempt WHEN 0 THEN 'pending' ELSE 'retrying' END,
      max_attempts = opened.max_attempts, error = nullif(error, 'canceled'),
      error_message = CASE WHEN error IS DISTINCT FROM 'canceled' THEN error_message END
    FROM opened WHERE deliveries.id BETWEEN $2 AND $3 AND deliveries.id = ANY ($4) AND deliveries.id = opened.delivery_id
  ), total AS (
    SELECT count(*) AS reopened, count(*) FILTER (WHERE status = 'failed') AS failures
    FROM made WHERE id IN (SELECT delivery_id FROM opened)
  ), counted AS (
    UPDATE webhook_stats SET delivery_count = delivery_count - failures, failure_count = failure_count - failures,
      exhausted_in_row = greatest(exhausted_in_row - failures, 0)
    FROM total WHERE webhook_id = $1 AND failures > 0
  )
  SELECT reopened FROM total`
