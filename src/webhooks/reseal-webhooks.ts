import { ConfigError } from '../config.ts'
import type { Database, Sql } from '../db/database.ts'
import type { SecretBox } from '../db/secret-box.ts'

/*
 * SECRETS_KEY is replaced in service: the new key comes first and seals, the old one stays until nothing is sealed with it.
 * The key's id stands in front of every sealed value, so PostgreSQL can say which rows still need the old one.
 */

/** Bounds a transaction, and how long a change of one of its webhooks waits, to some 10 ms. */
const MOST_AT_ONCE = 100

/**
 * Seals with the current key what is sealed with an older one that we have. A webhook that somebody is changing is left for
 * the next call, and so is one that cannot be opened.
 * @returns how many webhooks were sealed anew, and how many are still sealed with another key
 */
export async function resealWebhooks(deps: {
  db: Database
  secrets: SecretBox
  onError: (error: unknown) => void
}): Promise<{ resealed: number; left: number }> {
  let resealed = 0
  for (let after = NONE; ; ) {
    const step = await deps.db.transaction((sql) => resealSome(sql, deps, after))
    resealed += step.resealed
    if (step.last === null) break
    after = step.last
  }
  return { resealed, left: await countUnder(deps.db, deps.secrets) }
}

/**
 * Run before anything is opened: without a key that rows are sealed with, their deliveries would fail one after the other.
 * @throws ConfigError that names the keys
 */
export async function refuseUnknownKeys(sql: Sql, secrets: Pick<SecretBox, 'keyIds'>): Promise<void> {
  const rows = await sql.query<{ key_id: string; webhooks: number }>({
    text: `SELECT key_id, count(DISTINCT id) AS webhooks FROM webhooks, ${SEALED} WHERE NOT key_id = ANY ($1)
           GROUP BY key_id ORDER BY key_id`,
    values: [secrets.keyIds],
  })
  if (rows.length === 0) return
  const missing = rows.map(({ key_id, webhooks }) => `"${key_id}" (${webhooks} webhooks)`).join(', ')
  const given = secrets.keyIds.map((id) => `"${id}"`).join(', ')
  throw new ConfigError([`SECRETS_KEY: webhooks are sealed with ${missing}, but the keys given are ${given}`])
}

const NONE = '00000000-0000-0000-0000-000000000000'
/** The key ids of a webhook's sealed values. */
const SEALED = `LATERAL (SELECT sealed_key_id(sealed) AS key_id FROM (VALUES (secret), (previous_secret), (headers))
  AS column_of_it (sealed) WHERE sealed IS NOT NULL) AS seal`

interface SealedRow {
  id: string
  secret: Buffer
  previous_secret: Buffer | null
  headers: Buffer | null
}

async function resealSome(
  sql: Sql,
  deps: { secrets: SecretBox; onError: (error: unknown) => void },
  after: string,
): Promise<{ resealed: number; last: string | null }> {
  const [current, ...older] = deps.secrets.keyIds
  if (current === undefined || older.length === 0) return { resealed: 0, last: null }
  const rows = await sql.query<SealedRow>({
    text: `SELECT id, secret, previous_secret, headers FROM webhooks
           WHERE id > $1 AND EXISTS (SELECT 1 FROM ${SEALED} WHERE key_id = ANY ($2))
           ORDER BY id LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED`,
    values: [after, older],
  })
  const fresh = rows.flatMap((row) => {
    try {
      return [reseal(deps.secrets, row)]
    } catch (error) {
      deps.onError(error)
      return []
    }
  })
  if (fresh.length > 0) await store(sql, fresh)
  return { resealed: fresh.length, last: rows.at(-1)?.id ?? null }
}

function reseal(secrets: SecretBox, row: SealedRow): SealedRow {
  const again = <Sealed extends Buffer | null>(sealed: Sealed) =>
    (sealed === null || secrets.isCurrent(sealed)
      ? sealed
      : secrets.seal(secrets.open(sealed, row.id), row.id)) as Sealed
  return {
    id: row.id,
    secret: again(row.secret),
    previous_secret: again(row.previous_secret),
    headers: again(row.headers),
  }
}

/** The webhook did not change for its owner, so `updated_at` stays. */
async function store(sql: Sql, rows: readonly SealedRow[]): Promise<void> {
  await sql.query({
    text: `UPDATE webhooks SET secret = fresh.secret, previous_secret = fresh.previous_secret, headers = fresh.headers
           FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[]) AS fresh(id, secret, previous_secret, headers)
           WHERE webhooks.id = fresh.id`,
    values: [
      rows.map((row) => row.id),
      rows.map((row) => row.secret),
      rows.map((row) => row.previous_secret),
      rows.map((row) => row.headers),
    ],
  })
}

async function countUnder(sql: Sql, secrets: SecretBox): Promise<number> {
  const [row] = await sql.query<{ left: number }>({
    text: `SELECT count(*) AS left FROM webhooks WHERE EXISTS (SELECT 1 FROM ${SEALED} WHERE key_id <> $1)`,
    values: [secrets.keyIds[0]],
  })
  return row?.left ?? 0
}
