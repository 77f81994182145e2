import type { Sql } from '../db/database.ts'

/**
 * Forgets old secrets whose overlap is over. They sign nothing any more; this keeps them from lying about.
 * @returns how many were forgotten
 */
export async function forgetOldSecrets(sql: Sql, most: number): Promise<number> {
  const rows = await sql.query({
    text: `UPDATE webhooks SET previous_secret = NULL, rotation_ends_at = NULL
           WHERE id IN (SELECT id FROM webhooks WHERE rotation_ends_at <= now() ORDER BY rotation_ends_at LIMIT $1
             FOR UPDATE SKIP LOCKED)
           RETURNING 1`,
    values: [most],
  })
  return rows.length
}
