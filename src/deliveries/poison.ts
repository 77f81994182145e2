import type { Sql } from '../db/database.ts'

/** After so many attempts in a row without a recorded outcome a delivery may be what takes down whoever makes it. */
const UNKNOWNS_OF_SUSPECTS = 2
/** So many mean that it is: the last ones were made alone. */
export const MOST_UNKNOWNS = UNKNOWNS_OF_SUSPECTS + 3

/** Whether a row of `due` whose lease has run out is to be attempted alone. */
export const SUSPECT = `due.unknowns + (due.lease_until IS NOT NULL)::int >= ${UNKNOWNS_OF_SUSPECTS}`

/** How many, `most` of them, are under suspicion, or will be if what is being made now is cut as well. */
export async function countSuspects(sql: Sql, most: number): Promise<number> {
  const [row] = await sql.query<{ total: number }>({
    text: `SELECT count(*) AS total FROM (
             SELECT FROM due WHERE in_hand AND lease_until IS NOT NULL AND ${SUSPECT} LIMIT $1
           ) AS suspects`,
    values: [most],
  })
  return row?.total ?? 0
}

/**
 * Ends deliveries whose attempts took their worker down each time: `failed`, `error: "poison"`. They are told by the number
 * of attempts in a row whose outcome nobody recorded. Runs in a transaction.
 * @returns how many were ended
 */
export async function failPoison(sql: Sql, deliveryIds: readonly string[]): Promise<number> {
  const poison = await sql.query<Poison>({
    text: `
      WITH locked AS (
        SELECT delivery_id FROM due WHERE delivery_id = ANY ($1) AND unknowns + 1 >= $2 AND lease_until < now()
        ORDER BY delivery_id FOR UPDATE
      ), poison AS (
        DELETE FROM due USING locked WHERE due.delivery_id = locked.delivery_id
        RETURNING due.delivery_id, webhook_id, attempt, test
      ), counted AS (
        UPDATE webhook_stats SET delivery_count = delivery_count + total, failure_count = failure_count + total,
          last_delivery_at = now(), last_delivery_status = 'failed'
        FROM (SELECT webhook_id, count(*) AS total FROM poison WHERE NOT test GROUP BY webhook_id) AS sums
        WHERE webhook_stats.webhook_id = sums.webhook_id
      )
      SELECT delivery_id, attempt FROM poison`,
    values: [deliveryIds, MOST_UNKNOWNS],
  })
  if (poison.length > 0) await markPoison(sql, poison)
  return poison.length
}

interface Poison {
  delivery_id: string
  attempt: number
}

async function markPoison(sql: Sql, poison: readonly Poison[]): Promise<void> {
  const values = [poison.map((row) => row.delivery_id), poison.map((row) => row.attempt)]
  await sql.query({
    text: `UPDATE attempts SET status = 'unknown', finished_at = now(), error = 'unknown'
           WHERE delivery_id = ANY ($1) AND attempt = ($2::int[])[array_position($1, delivery_id)] AND status = 'started'`,
    values,
  })
  await sql.query({
    text: `UPDATE deliveries SET status = 'failed', attempt = ($2::int[])[array_position($1, id)], error = 'poison',
             delivered_at = NULL,
             error_message = 'Every worker that attempted this delivery ended before it could record a result.'
           WHERE id = ANY ($1)`,
    values,
  })
}
