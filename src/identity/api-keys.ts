import { createHash, randomBytes } from 'node:crypto'
import { builder, toStatement } from '../db/builder.ts'
import type { Database, Sql } from '../db/database.ts'
import { idBounds } from '../db/id-bounds.ts'
import { publicId, uuidv7 } from '../ids.ts'
import type { Role, Tier } from './principal.ts'

/** An API key as stored: never the key itself, only its SHA-256 and its first characters. */
export interface ApiKey {
  id: string
  user_id: string
  hint: string
  name: string
  role: Role
  tier: Tier
  expires_at: Date | null
  last_used_at: Date | null
  created_at: Date
}

const COLUMNS = ['id', 'user_id', 'hint', 'name', 'role', 'tier', 'expires_at', 'last_used_at', 'created_at'] as const
const SHAPE = /^ara_[0-9a-f]{64}$/
/** Keys of one user. */
export const MOST_KEYS = 50

export function looksLikeApiKey(text: string): boolean {
  return SHAPE.test(text)
}

/** @returns the stored key and, this once, the key itself; null when the user has as many as one may */
export async function makeApiKey(
  db: Database,
  owner: { userId: string; tier: Tier },
  wanted: { name: string; role: Role; expiresAt: Date | null },
): Promise<{ stored: ApiKey; key: string } | null> {
  const key = makeKey()
  const [stored] = await db.query<ApiKey>({
    text: `INSERT INTO api_keys (id, user_id, sha256, hint, name, role, tier, expires_at)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2) < $9
           RETURNING ${COLUMNS.join(', ')}`,
    values: [
      uuidv7(),
      owner.userId,
      sha256(key),
      hint(key),
      wanted.name,
      wanted.role,
      owner.tier,
      wanted.expiresAt,
      MOST_KEYS,
    ],
  })
  return stored ? { stored, key } : null
}

/** The same key record with a new key; the old one ends at once. Null when there is none of that id. */
export async function rotateApiKey(
  sql: Sql,
  userId: string,
  id: string,
): Promise<{ stored: ApiKey; key: string } | null> {
  const key = makeKey()
  const [stored] = await sql.query<ApiKey>({
    text: `UPDATE api_keys SET sha256 = $3, hint = $4, last_used_at = NULL WHERE id = $1 AND user_id = $2
           RETURNING ${COLUMNS.join(', ')}`,
    values: [id, userId, sha256(key), hint(key)],
  })
  return stored ? { stored, key } : null
}

/** @returns whether there was one */
export async function revokeApiKey(sql: Sql, userId: string, id: string): Promise<boolean> {
  const rows = await sql.query({
    text: 'DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING 1',
    values: [id, userId],
  })
  return rows.length > 0
}

export async function listApiKeys(
  sql: Sql,
  userId: string,
  filter: { before?: string | undefined; limit: number },
): Promise<ApiKey[]> {
  const query = builder('api_keys').select(COLUMNS).where('user_id', userId)
  idBounds(query, 'id', filter)
  return sql.query<ApiKey>(toStatement(query.orderBy('id', 'desc').limit(filter.limit + 1)))
}

/** The stored key of a key that is still good, or null. */
export async function findApiKey(sql: Sql, key: string): Promise<ApiKey | null> {
  const [stored] = await sql.query<ApiKey>({
    name: 'api-key-find',
    text: `SELECT ${COLUMNS.join(', ')} FROM api_keys WHERE sha256 = $1 AND (expires_at IS NULL OR expires_at > now())`,
    values: [sha256(key)],
  })
  return stored ?? null
}

export async function apiKeyExists(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql.query({
    name: 'api-key-exists',
    text: 'SELECT 1 FROM api_keys WHERE id = $1 AND (expires_at IS NULL OR expires_at > now())',
    values: [id],
  })
  return rows.length > 0
}

export async function touchApiKey(sql: Sql, id: string): Promise<void> {
  await sql.query({
    name: 'api-key-touch',
    text: 'UPDATE api_keys SET last_used_at = now() WHERE id = $1',
    values: [id],
  })
}

export function presentApiKey(stored: ApiKey) {
  return {
    id: publicId('key', stored.id),
    name: stored.name,
    hint: stored.hint,
    role: stored.role,
    tier: stored.tier,
    expires_at: stored.expires_at?.toISOString() ?? null,
    last_used_at: stored.last_used_at?.toISOString() ?? null,
    created_at: stored.created_at.toISOString(),
  }
}

function makeKey(): string {
  return `ara_${randomBytes(32).toString('hex')}`
}

function hint(key: string): string {
  return `${key.slice(0, 8)}…`
}

function sha256(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
