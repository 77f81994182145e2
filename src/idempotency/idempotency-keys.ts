import type { Sql } from '../db/database.ts'

/** One use of an `Idempotency-Key`: scoped to who asks and to the route. */
export interface KeyUse {
  principal: string
  route: string
  key: string
  bodySha256: Buffer
}

export interface StoredAnswer {
  bodySha256: Buffer
  status: number
  /** With holes for the numbers of deliveries. */
  body: string
  deliveries: number[]
}

/** How long a key is remembered. */
export const KEY_HOURS = 24

export async function findAnswer(sql: Sql, use: KeyUse): Promise<StoredAnswer | null> {
  const [row] = await sql.query<StoredRow>({
    name: 'idempotency-find',
    text: `SELECT body_sha256, response_status, response_body, deliveries FROM idempotency_keys
           WHERE principal = $1 AND route = $2 AND key = $3`,
    values: [use.principal, use.route, use.key],
  })
  if (!row) return null
  const { body_sha256, response_status, response_body, deliveries } = row
  return { bodySha256: body_sha256, status: response_status, body: response_body, deliveries }
}

interface StoredRow {
  body_sha256: Buffer
  response_status: number
  response_body: string
  deliveries: number[]
}

/** Forgets keys past their day, a bounded number at a time. @returns how many were forgotten */
export async function forgetOldKeys(sql: Sql, most: number): Promise<number> {
  const rows = await sql.query({
    text: `DELETE FROM idempotency_keys WHERE (principal, route, key) IN (
             SELECT principal, route, key FROM idempotency_keys
             WHERE created_at < now() - make_interval(hours => $1) ORDER BY created_at LIMIT $2)
           RETURNING 1`,
    values: [KEY_HOURS, most],
  })
  return rows.length
}

export function keyOf(use: Pick<KeyUse, 'principal' | 'route' | 'key'>): string {
  return JSON.stringify([use.principal, use.route, use.key])
}
