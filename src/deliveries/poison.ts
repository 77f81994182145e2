import type { Sql } from '../db/database.ts'

/** After so many attempts in a row without a recorded outcome a delivery may be what takes down whoever makes it. */
const UNKNOWNS_OF_SUSPECTS = 2
/** So many mean that it is: the last ones were made alone. */
export const MOST_UNKNOWNS = UNKNOWNS_OF_SUSPECTS + 3

/** Whether a row of `due` whose lease has run out is to be attempted alone. */
export const SUSPECT = `due.unknowns + (due.lease_until IS NOT NULL)::int >= ${UNKNOWNS_OF_SUSPECTS}`

/**
 * Ends deliveries whose attempts took their worker down each time: `failed`, `error: "poison"`. They are told by the number
 * of attempts in a row whose outcome nobody recorded.
 * @returns how many were ended
 */
export async function failPoison(sql: Sql, deliveryIds: readonly string[]): Promise<number> {
  const rows = await sql.query({
    text: `
      WITH locked AS (
        SELECT delivery_id FROM due WHERE delivery_id = ANY ($1) AND unknowns + 1 >= $2 AND lease_until < now()
        ORDER BY delivery_id FOR UPDATE
      ), poison AS (
        DELETE FROM due USING locked WHERE due.delivery_id = locked.delivery_id
        RETURNING due.delivery_id, webhook_id, attempt, test
      ), lost AS (
        UPDATE attempts SET status = 'unknown', finished_at = now(), error = 'unknown' FROM poison
        WHERE attempts.delivery_id = ANY ($1) AND attempts.delivery_id = poison.delivery_id
          AND attempts.attempt = poison.attempt AND attempts.status = 'started'
      ), counted AS (
        UPDATE webhook_stats SET delivery_count = delivery_count + total, failure_count = failure_count + total,
          last_delivery_at = now(), last_delivery_status = 'failed'
        FROM (SELECT webhook_id, count(*) AS total FROM poison WHERE NOT test GROUP BY webhook_id) AS sums
        WHERE webhook_stats.webhook_id = sums.webhook_id
      )
      UPDATE deliveries SET status = 'failed', attempt = poison.attempt, error = 'poison', delivered_at = NULL,
        error_message = 'Every worker that attempted this delivery ended before it could record a result.'
      FROM poison WHERE deliveries.id = ANY ($1) AND deliveries.id = poison.delivery_id RETURNING 1`,
    values: [deliveryIds, MOST_UNKNOWNS],
  })
  return rows.length
}
