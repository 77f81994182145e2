import type { Sql } from '../db/database.ts'

/** After this no round of the webhook's opens anything: one that was under way has ended. */
export async function cancelRecoveriesOf(sql: Sql, webhookId: string, reason: string): Promise<void> {
  await sql.query({
    text: `UPDATE recoveries SET status = 'canceled', reason = $2, finished_at = now(), updated_at = now()
           WHERE webhook_id = $1 AND status = 'running'`,
    values: [webhookId, reason],
  })
}

/** Forgets those that ended so long ago, a bounded number at a time. @returns how many */
export async function forgetOldRecoveries(sql: Sql, days: number, most: number): Promise<number> {
  const rows = await sql.query({
    text: `DELETE FROM recoveries WHERE id IN (SELECT id FROM recoveries
             WHERE finished_at < now() - make_interval(days => $1) ORDER BY finished_at LIMIT $2) RETURNING 1`,
    values: [days, most],
  })
  return rows.length
}
