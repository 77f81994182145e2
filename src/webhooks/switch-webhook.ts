import type { Sql } from '../db/database.ts'
import { cancelOpenDeliveries } from '../deliveries/cancel-deliveries.ts'

/*
 * Both run in a transaction that holds the webhook's row: whoever retries a delivery locks it first as well, so nothing is
 * opened between the switch and the cancelling. An event that is being accepted at that moment may still open a delivery;
 * the claim and the upkeep cancel it.
 */

/** Turns a webhook off for a reason that its owner will read, and cancels what is open. */
export async function turnOff(sql: Sql, id: string, reason: string): Promise<void> {
  await sql.query({
    text: 'UPDATE webhooks SET active = false, disabled_reason = $2, disabled_at = now(), updated_at = now() WHERE id = $1',
    values: [id, reason],
  })
  await cancelOpenDeliveries(sql, id)
}

/** Turns a webhook on. Why it was off is forgotten, and so is how it was failing. */
export async function turnOn(sql: Sql, id: string): Promise<void> {
  await sql.query({
    text: 'UPDATE webhooks SET active = true, disabled_reason = NULL, disabled_at = NULL, updated_at = now() WHERE id = $1',
    values: [id],
  })
  await sql.query({
    text: 'UPDATE webhook_stats SET failing_since = NULL, exhausted_in_row = 0, gone = false WHERE webhook_id = $1',
    values: [id],
  })
}
