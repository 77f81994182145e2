import { builder, toStatement } from '../db/builder.ts'
import type { Sql } from '../db/database.ts'
import { idBounds } from '../db/id-bounds.ts'
import type { Webhook } from './webhook.ts'

/** Which webhooks a caller may touch: their own, or all of them for an admin. */
export interface Owner {
  userId: string
  seesAll: boolean
}

export type WebhookFields = Pick<
  Webhook,
  | 'url'
  | 'events'
  | 'symbols'
  | 'secret'
  | 'headers'
  | 'header_names'
  | 'description'
  | 'active'
  | 'signature_style'
  | 'max_attempts'
>

const STATS = [
  'delivery_count',
  'success_count',
  'failure_count',
  'last_delivery_at',
  'last_delivery_status',
  'failing_since',
] as const

/**
 * Stores a webhook unless its owner has as many as they may. The owner's rows are counted under a lock on the owner, so two
 * requests at once cannot both take the last place.
 * @returns whether it was stored
 */
export async function insertWebhook(
  sql: Sql,
  webhook: WebhookFields & { id: string; user_id: string },
  most: number,
): Promise<boolean> {
  await sql.query({
    text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
    values: [`webhooks of ${webhook.user_id}`],
  })
  const rows = await sql.query({
    text: `
      WITH stored AS (
        INSERT INTO webhooks (id, user_id, url, events, symbols, secret, headers, header_names, description, active,
          disabled_at, signature_style, max_attempts)
        SELECT $1, $2, $3, $4::text[], $5::text[], $6, $7, $8::text[], $9, $10::boolean,
          CASE WHEN NOT $10 THEN now() END, $11, $12
        WHERE (SELECT count(*) FROM webhooks WHERE user_id = $2) < $13
        RETURNING id
      )
      INSERT INTO webhook_stats (webhook_id) SELECT id FROM stored RETURNING webhook_id`,
    values: [
      webhook.id,
      webhook.user_id,
      webhook.url,
      webhook.events,
      webhook.symbols,
      webhook.secret,
      webhook.headers,
      webhook.header_names,
      webhook.description,
      webhook.active,
      webhook.signature_style,
      webhook.max_attempts,
      most,
    ],
  })
  return rows.length === 1
}

export async function listWebhooks(
  sql: Sql,
  filter: { userId?: string | undefined; activeOnly: boolean; before?: string | undefined; limit: number },
): Promise<Webhook[]> {
  const query = selectWebhooks()
  if (filter.userId !== undefined) query.where('user_id', filter.userId)
  if (filter.activeOnly) query.where('active', true)
  idBounds(query, 'id', filter)
  return sql.query<Webhook>(toStatement(query.orderBy('id', 'desc').limit(filter.limit + 1)))
}

/** Of all webhooks of a user; more than a thousand only an admin can have. */
export async function listWebhookIds(sql: Sql, userId: string): Promise<string[]> {
  const rows = await sql.query<{ id: string }>({
    text: 'SELECT id FROM webhooks WHERE user_id = $1 ORDER BY id DESC LIMIT 1000',
    values: [userId],
  })
  return rows.map((row) => row.id)
}

/** The webhook, or null when there is none or it is somebody else's. */
export async function findWebhook(sql: Sql, owner: Owner, id: string): Promise<Webhook | null> {
  const query = selectWebhooks().where('id', id)
  if (!owner.seesAll) query.where('user_id', owner.userId)
  const [webhook] = await sql.query<Webhook>(toStatement(query))
  return webhook ?? null
}

/** As `findWebhook`, and nobody changes it before the transaction ends. */
export async function lockWebhook(sql: Sql, owner: Owner, id: string): Promise<Webhook | null> {
  const rows = await sql.query({
    text: 'SELECT 1 FROM webhooks WHERE id = $1 AND ($2 OR user_id = $3) FOR UPDATE',
    values: [id, owner.seesAll, owner.userId],
  })
  return rows.length === 0 ? null : findWebhook(sql, owner, id)
}

export async function updateWebhook(
  sql: Sql,
  id: string,
  changes: Partial<Omit<WebhookFields, 'active'>>,
): Promise<void> {
  const set = { ...changes, updated_at: builder.fn.now() }
  await sql.query(toStatement(builder('webhooks').where('id', id).update(set)))
}

export async function deleteWebhook(sql: Sql, id: string): Promise<void> {
  await sql.query({ text: 'DELETE FROM webhooks WHERE id = $1', values: [id] })
}

function selectWebhooks() {
  return builder('webhooks')
    .join('webhook_stats', 'webhook_stats.webhook_id', 'webhooks.id')
    .select('webhooks.*', ...STATS)
    .select(builder.raw('CASE WHEN rotation_ends_at > now() THEN rotation_ends_at END AS rotating_until'))
}
