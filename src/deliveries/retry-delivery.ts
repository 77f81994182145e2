import type { Sql } from '../db/database.ts'
import { conflict, notFound } from '../errors.ts'

/**
 * One more attempt of a delivery, at once (also while its webhook is held back), with the next number. One that is over is
 * opened again: its outcome leaves the counters until it has a new one, and it is not delivered, while what its last attempt came to
 * still shows. Runs in a transaction.
 * @throws ApiError 404 when the webhook has no such delivery; 409 while an attempt is under way or the webhook is off
 */
export async function retryDelivery(
  sql: Sql,
  webhook: { id: string; active: boolean },
  deliveryId: string,
): Promise<void> {
  const [delivery] = await sql.query<Retried>({
    text: 'SELECT event_id, test FROM deliveries WHERE id = $1 AND webhook_id = $2',
    values: [deliveryId, webhook.id],
  })
  if (!delivery) throw notFound('delivery')
  if (!webhook.active && !delivery.test)
    throw conflict('webhook_inactive', 'The webhook is not active; activate it first.')
  const open = await hasten(sql, deliveryId)
  if (open === 'delivering') throw conflict('attempt_under_way', 'An attempt of this delivery is under way.')
  if (open === 'hastened') return
  await reopen(sql, webhook.id, deliveryId, delivery)
}

interface Retried {
  event_id: string
  test: boolean
}

/** An open delivery only has to be due now. Its open work is locked before the delivery, as records do it. */
async function hasten(sql: Sql, deliveryId: string): Promise<'delivering' | 'hastened' | 'closed'> {
  const [row] = await sql.query<{ delivering: boolean }>({
    text: 'SELECT coalesce(lease_until > now(), false) AS delivering FROM due WHERE delivery_id = $1 FOR UPDATE',
    values: [deliveryId],
  })
  if (!row) return 'closed'
  if (row.delivering) return 'delivering'
  await sql.query({
    text: `UPDATE due SET due_at = least(due_at, now()), max_attempts = greatest(max_attempts, attempt + 1), urgent = true
           WHERE delivery_id = $1`,
    values: [deliveryId],
  })
  return 'hastened'
}

async function reopen(sql: Sql, webhookId: string, deliveryId: string, delivery: Retried): Promise<void> {
  const [closed] = await sql.query<{ status: string }>({
    text: 'SELECT status FROM deliveries WHERE id = $1 FOR UPDATE',
    values: [deliveryId],
  })
  const reopened = await sql.query({
    text: `INSERT INTO due (delivery_id, webhook_id, event_id, attempt, max_attempts, test, urgent)
           SELECT $1, $2, $3, last, last + 1, $4, true
           FROM (SELECT coalesce(max(attempt), 0) AS last FROM attempts WHERE delivery_id = $1) AS numbered
           ON CONFLICT DO NOTHING RETURNING 1`,
    values: [deliveryId, webhookId, delivery.event_id, delivery.test],
  })
  const reopenedByAnother = reopened.length === 0
  if (reopenedByAnother) return
  await sql.query({
    text: `UPDATE deliveries SET status = 'retrying', delivered_at = NULL, max_attempts = greatest(max_attempts, attempt + 1),
             error = nullif(error, 'canceled'), error_message = CASE WHEN error IS DISTINCT FROM 'canceled' THEN error_message END
           WHERE id = $1`,
    values: [deliveryId],
  })
  if (delivery.test || closed?.status === 'canceled') return
  await sql.query({
    text: `UPDATE webhook_stats SET delivery_count = delivery_count - 1,
             success_count = success_count - ($2 = 'success')::int, failure_count = failure_count - ($2 = 'failed')::int,
             exhausted_in_row = greatest(exhausted_in_row - ($2 = 'failed')::int, 0)
           WHERE webhook_id = $1`,
    values: [webhookId, closed?.status],
  })
}
