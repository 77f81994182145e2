import type { Sql } from '../db/database.ts'
import { lowestIdAt } from '../db/id-bounds.ts'

/** Forgets what is older, a bounded number at a time. @returns how many */
export async function forgetOldEntries(sql: Sql, days: number, now: Date, most: number): Promise<number> {
  const rows = await sql.query({
    text: `DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE id < $1 ORDER BY id LIMIT $2) RETURNING 1`,
    values: [lowestIdAt(new Date(now.getTime() - days * 86_400_000)), most],
  })
  return rows.length
}
