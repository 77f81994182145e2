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
  body: string
}

/** How long a key is remembered. */
export const KEY_HOURS = 24

/**
 * Takes keys that nobody has used. A key that another transaction is using right now is waited for (at most its
 * `lock_timeout`), so what is not taken here has its answer stored. Sorted, since unsorted batches deadlock on each other.
 * @returns the uses that were taken, as `keyOf` names them
 */
export async function takeKeys(sql: Sql, uses: readonly KeyUse[]): Promise<Set<string>> {
  if (uses.length === 0) return new Set()
  const sorted = [...uses].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const rows = await sql.query<{ principal: string; route: string; key: string }>({
    name: 'idempotency-take',
    text: `INSERT INTO idempotency_keys (principal, route, key, body_sha256, response_status, response_body)
           SELECT principal, route, key, sha, 0, '' FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
             AS used(principal, route, key, sha)
           ON CONFLICT DO NOTHING RETURNING principal, route, key`,
    values: [
      sorted.map((use) => use.principal),
      sorted.map((use) => use.route),
      sorted.map((use) => use.key),
      sorted.map((use) => use.bodySha256),
    ],
  })
  return new Set(rows.map(keyOf))
}

/** Keeps the answer of a taken key for those who ask again. */
export async function storeAnswers(sql: Sql, answers: readonly (KeyUse & StoredAnswer)[]): Promise<void> {
  if (answers.length === 0) return
  await sql.query({
    name: 'idempotency-store',
    text: `UPDATE idempotency_keys stored SET response_status = given.status, response_body = given.body
           FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[]) AS given(principal, route, key, status, body)
           WHERE stored.principal = given.principal AND stored.route = given.route AND stored.key = given.key`,
    values: [
      answers.map((answer) => answer.principal),
      answers.map((answer) => answer.route),
      answers.map((answer) => answer.key),
      answers.map((answer) => answer.status),
      answers.map((answer) => answer.body),
    ],
  })
}

export async function findAnswer(sql: Sql, use: KeyUse): Promise<StoredAnswer | null> {
  const [row] = await sql.query<{ body_sha256: Buffer; response_status: number; response_body: string }>({
    name: 'idempotency-find',
    text: `SELECT body_sha256, response_status, response_body FROM idempotency_keys
           WHERE principal = $1 AND route = $2 AND key = $3`,
    values: [use.principal, use.route, use.key],
  })
  return row ? { bodySha256: row.body_sha256, status: row.response_status, body: row.response_body } : null
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
