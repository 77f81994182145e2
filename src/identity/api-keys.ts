import { createHash, randomBytes } from 'node:crypto'
import type { Author } from '../audit/author.ts'
import { type Action, type Changes, recordChange } from '../audit/record-change.ts'
import type { Database, Sql } from '../db/database.ts'
import { conflict, forbidden, notFound } from '../errors.ts'
import { publicId, uuidv7 } from '../ids.ts'
import { type Principal, type Role, roleIsAbove, type Tier } from './principal.ts'

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

export interface MadeKey {
  row: ApiKey
  /** The key itself: shown once, not stored. */
  key: string
}

const FORM = /^ara_[0-9a-f]{64}$/
const COLUMNS = 'id, user_id, hint, name, role, tier, expires_at, last_used_at, created_at'
const MOST_KEYS = 100

/** @throws ApiError 403 for a role above the maker's, 409 when the user has too many keys */
export async function makeApiKey(
  db: Database,
  maker: Principal,
  by: Author,
  wish: { name: string; role?: Role | undefined; expiresAt?: Date | undefined },
): Promise<MadeKey> {
  const role = wish.role ?? maker.role
  if (roleIsAbove(role, maker.role))
    throw forbidden(`A key made by the role ${maker.role} cannot have the role ${role}.`)
  const { key, sha256, hint } = newKey()
  return db.transaction(async (sql) => {
    const [row] = await sql.query<ApiKey>({
      text: `INSERT INTO api_keys (id, user_id, sha256, hint, name, role, tier, expires_at)
           SELECT $1::uuid, $2::text, $3::bytea, $4::text, $5::text, $6::text, $7::text, $8::timestamptz
           WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2) < $9 RETURNING ${COLUMNS}`,
      values: [uuidv7(), maker.userId, sha256, hint, wish.name, role, maker.tier, wish.expiresAt ?? null, MOST_KEYS],
    })
    if (!row) throw conflict('too_many_api_keys', `A user has at most ${MOST_KEYS} API keys.`)
    const changes = { name: { to: row.name }, role: { to: row.role }, expires_at: { to: row.expires_at } }
    await note(sql, by, 'api_key.made', row, changes)
    return { row, key }
  })
}

/** Newest first, `before` an id, one more than `limit` when there are more. */
export function listApiKeys(db: Sql, userId: string, page: { before?: string | undefined; limit: number }) {
  return db.query<ApiKey>({
    text: `SELECT ${COLUMNS} FROM api_keys WHERE user_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    values: [userId, page.before ?? null, page.limit + 1],
  })
}

/** The old key is void at once. The role is checked again: a lesser key must not be turned into a greater one. The tier is the asker's. */
export function rotateApiKey(db: Database, asker: Principal, by: Author, id: string): Promise<MadeKey> {
  return db.transaction(async (sql) => {
    const [found] = await sql.query<ApiKey>({
      text: `SELECT ${COLUMNS} FROM api_keys WHERE id = $1 AND user_id = $2 FOR UPDATE`,
      values: [id, asker.userId],
    })
    if (!found) throw notFound('API key')
    if (roleIsAbove(found.role, asker.role)) throw forbidden('This key has a role above yours.')
    const { key, sha256, hint } = newKey()
    const [row] = await sql.query<ApiKey>({
      text: `UPDATE api_keys SET sha256 = $2, hint = $3, tier = $4, last_used_at = NULL WHERE id = $1 RETURNING ${COLUMNS}`,
      values: [id, sha256, hint, asker.tier],
    })
    if (!row) throw new Error('A locked API key is gone')
    await note(sql, by, 'api_key.rotated', row, {})
    return { row, key }
  })
}

/** @throws ApiError 404, also for another user's key */
export async function revokeApiKey(db: Database, userId: string, by: Author, id: string): Promise<void> {
  await db.transaction(async (sql) => {
    const [gone] = await sql.query<ApiKey>({
      text: `DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING ${COLUMNS}`,
      values: [id, userId],
    })
    if (!gone) throw notFound('API key')
    await note(sql, by, 'api_key.revoked', gone, { name: { from: gone.name }, role: { from: gone.role } })
  })
}

function note(sql: Sql, by: Author, action: Action, key: ApiKey, changes: Changes): Promise<void> {
  return recordChange(sql, by, { action, target: publicId('key', key.id), ownerId: key.user_id, changes })
}

/** @returns for each the row if it may be used now, or null, in their order */
export async function findApiKeys(db: Sql, keys: readonly string[]): Promise<(ApiKey | null)[]> {
  const rows = await db.query<ApiKey & { digest: string }>({
    name: 'find_api_keys',
    text: `SELECT ${COLUMNS}, encode(sha256, 'hex') AS digest FROM api_keys
           WHERE sha256 = ANY($1::bytea[]) AND (expires_at IS NULL OR expires_at > now())`,
    values: [keys.map(sha256Of)],
  })
  const found = new Map(rows.map((row) => [row.digest, row]))
  return keys.map((key) => found.get(sha256Of(key).toString('hex')) ?? null)
}

/** What has not the form is no key, and nobody need look for it. */
export function looksLikeApiKey(text: string): boolean {
  return FORM.test(text)
}

/** A key as whoever was let in by it knows it, without the key. */
export interface KeyMark {
  id: string
  /** Another one after a rotation. */
  mark: string
}

export function markOf(key: string): string {
  return sha256Of(key).toString('hex', 0, 8)
}

/** @returns for each whether it may still be used, in their order */
export async function apiKeysAreGood(db: Sql, keys: readonly KeyMark[]): Promise<boolean[]> {
  const rows = await db.query<{ id: string; mark: string }>({
    name: 'good_api_keys',
    text: `SELECT id, encode(substring(sha256 FOR 8), 'hex') AS mark FROM api_keys
           WHERE id = ANY($1::uuid[]) AND (expires_at IS NULL OR expires_at > now())`,
    values: [keys.map(({ id }) => id)],
  })
  const good = new Map(rows.map(({ id, mark }) => [id, mark]))
  return keys.map(({ id, mark }) => good.get(id) === mark)
}

export async function touchApiKey(db: Sql, id: string): Promise<void> {
  await db.query({
    text: `UPDATE api_keys SET last_used_at = now()
           WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
    values: [id],
  })
}

function newKey() {
  const key = `ara_${randomBytes(32).toString('hex')}`
  return { key, sha256: sha256Of(key), hint: `ara_…${key.slice(-4)}` }
}

function sha256Of(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
