import type { Sql } from '../db/database.ts'
import { cancelRecoveriesOf } from '../recoveries/recovery-store.ts'

/*
 * Both lock the open work in the order of its ids before they delete it, as claims and records do: in any other order they
 * deadlock with these.
 */

/**
 * Cancels a webhook's open deliveries, and first the recovery that would open more. An attempt that is on its way ends on its
 * own; its result is recorded `superseded`.
 * @returns how many were cancelled
 */
export async function cancelOpenDeliveries(sql: Sql, webhookId: string): Promise<number> {
  await cancelRecoveriesOf(sql, webhookId, 'The webhook was turned off or deleted.')
  const open = await sql.query<{ delivery_id: string }>({
    text: `WITH open AS (
             SELECT delivery_id FROM due WHERE webhook_id = $1 AND NOT test ORDER BY delivery_id FOR UPDATE
           )
           DELETE FROM due USING open WHERE due.delivery_id = open.delivery_id RETURNING due.delivery_id`,
    values: [webhookId],
  })
  return markCanceled(sql, open)
}

/**
 * Of the given open deliveries, cancels those whose webhook is gone or off. A test goes to a webhook that is off as well.
 * @returns how many were cancelled
 */
export async function cancelUndeliverable(sql: Sql, deliveryIds: readonly string[]): Promise<number> {
  const open = await sql.query<{ delivery_id: string }>({
    text: `WITH open AS (
             SELECT delivery_id FROM due WHERE delivery_id = ANY ($1)
               AND NOT EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = due.webhook_id AND (active OR due.test))
             ORDER BY delivery_id FOR UPDATE
           )
           DELETE FROM due USING open WHERE due.delivery_id = open.delivery_id RETURNING due.delivery_id`,
    values: [deliveryIds],
  })
  return markCanceled(sql, open)
}

async function markCanceled(sql: Sql, open: readonly { delivery_id: string }[]): Promise<number> {
  if (open.length === 0) return 0
  await sql.query({
    text: `UPDATE deliveries SET status = 'canceled' WHERE id = ANY ($1) AND status IN ('pending', 'retrying')`,
    values: [open.map((row) => row.delivery_id)],
  })
  return open.length
}
