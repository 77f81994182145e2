import type { Database } from '../db/database.ts'
import { cancelOpenDeliveries } from '../deliveries/cancel-deliveries.ts'

/** Turns a webhook off for a reason its owner will read, and cancels what is open. @returns whether it was on */
export async function deactivateWebhook(db: Database, id: string, reason: string): Promise<boolean> {
  return db.transaction(async (sql) => {
    const rows = await sql.query({
      text: 'UPDATE webhooks SET active = false, disabled_reason = $2, updated_at = now() WHERE id = $1 AND active RETURNING 1',
      values: [id, reason],
    })
    if (rows.length === 0) return false
    await cancelOpenDeliveries(sql, id)
    return true
  })
}
