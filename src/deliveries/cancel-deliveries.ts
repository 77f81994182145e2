import type { Database, Sql } from '../db/database.ts'
import { cancelRecoveriesOf } from '../recoveries/end-recoveries.ts'

/*
 * All lock the open work in the order of its ids before they delete it, as claims and records do: in any other order they
 * deadlock with these.
 */

/** So many rows are cancelled in some 100 ms. A longer backlog goes on in steps of the upkeep; none of it can be claimed. */
const MOST_AT_ONCE = 2_000

/**
 * Cancels a webhook's open deliveries, and first the recovery that would open more. An attempt that is on its way ends on its
 * own; its result is recorded `superseded`.
 * @returns how many were cancelled
 */
export async function cancelOpenDeliveries(sql: Sql, webhookId: string): Promise<number> {
  await cancelRecoveriesOf(sql, webhookId, 'The webhook was turned off or deleted.')
  const open = await sql.query<Canceled>({
    text: `WITH oldest AS (
             SELECT delivery_id FROM due WHERE webhook_id = $1 AND NOT test ORDER BY due_at LIMIT $2
           ), open AS (
             SELECT delivery_id FROM due WHERE delivery_id IN (SELECT delivery_id FROM oldest)
             ORDER BY delivery_id FOR UPDATE
           )
           DELETE FROM due USING open WHERE due.delivery_id = open.delivery_id
           RETURNING due.delivery_id, due.lease_until IS NOT NULL AS under_way`,
    values: [webhookId, MOST_AT_ONCE],
  })
  return markCanceled(sql, open)
}

/**
 * Of the given open deliveries, cancels those whose webhook is gone or off. A test goes to a webhook that is off as well.
 * @returns how many were cancelled
 */
export async function cancelUndeliverable(sql: Sql, deliveryIds: readonly string[]): Promise<number> {
  const open = await sql.query<Canceled>({
    text: `WITH open AS (
             SELECT delivery_id FROM due WHERE delivery_id = ANY ($1)
               AND NOT EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = due.webhook_id AND (active OR due.test))
             ORDER BY delivery_id FOR UPDATE
           )
           DELETE FROM due USING open WHERE due.delivery_id = open.delivery_id
           RETURNING due.delivery_id, due.lease_until IS NOT NULL AS under_way`,
    values: [deliveryIds],
  })
  return markCanceled(sql, open)
}

/**
 * Cancels what is open for webhooks that are off or gone: the rest of a long backlog, and what an event opened that was being
 * accepted while its webhook was turned off.
 * @returns whether there may be more
 */
export async function cancelStranded(db: Database): Promise<boolean> {
  const stranded = await db.query<{ webhook_id: string }>({
    text: `WITH RECURSIVE webhook AS (
             (SELECT webhook_id FROM due ORDER BY webhook_id LIMIT 1)
             UNION ALL
             SELECT (SELECT due.webhook_id FROM due WHERE due.webhook_id > webhook.webhook_id ORDER BY due.webhook_id LIMIT 1)
             FROM webhook WHERE webhook.webhook_id IS NOT NULL
           )
           SELECT webhook_id FROM webhook WHERE webhook_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = webhook_id AND active)`,
  })
  let more = false
  for (const { webhook_id } of stranded) {
    const canceled = await db.transaction(async (sql) => cancelUndeliverable(sql, await listOpen(sql, webhook_id)))
    more ||= canceled === MOST_AT_ONCE
  }
  return more
}

async function listOpen(sql: Sql, webhookId: string): Promise<string[]> {
  const rows = await sql.query<{ delivery_id: string }>({
    text: 'SELECT delivery_id FROM due WHERE webhook_id = $1 ORDER BY due_at LIMIT $2',
    values: [webhookId, MOST_AT_ONCE],
  })
  return rows.map((row) => row.delivery_id)
}

interface Canceled {
  delivery_id: string
  under_way: boolean
}

async function markCanceled(sql: Sql, open: readonly Canceled[]): Promise<number> {
  if (open.length === 0) return 0
  const underWay = open.filter((row) => row.under_way).map((row) => row.delivery_id)
  // Its worker may never come back to record it, and nobody looks for its lease any more.
  if (underWay.length > 0) {
    await sql.query({
      text: `UPDATE attempts SET status = 'unknown', finished_at = now(), error = 'unknown',
               error_message = 'The delivery was cancelled while this attempt was under way.'
             WHERE delivery_id = ANY ($1) AND status = 'started'`,
      values: [underWay],
    })
  }
  await sql.query({
    text: `UPDATE deliveries SET status = 'canceled', error = 'canceled',
             error_message = 'The webhook was turned off or deleted before this was delivered.'
           WHERE id = ANY ($1) AND status IN ('pending', 'retrying')`,
    values: [open.map((row) => row.delivery_id)],
  })
  return open.length
}
