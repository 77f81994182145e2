import { z } from 'zod'
import type { Author } from '../audit/author.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Sql } from '../db/database.ts'
import { ApiError, invalid, notFound } from '../errors.ts'
import { publicId } from '../ids.ts'
import type { WebhookDeps } from './manage-webhooks.ts'
import { makeSecret } from './signature.ts'
import type { Webhook } from './webhook.ts'
import { secretSchema } from './webhook-schemas.ts'
import { findWebhook, lockWebhook, type Owner } from './webhook-store.ts'

/** Time enough to bring a new secret to every receiver; a secret that is out should not sign for longer than a week. */
const LONGEST_OVERLAP = 604_800
const USUAL_OVERLAP = 86_400

/** `POST /api/v1/webhooks/{id}/rotate-secret` */
export const SecretRotation = z.strictObject({
  secret: secretSchema.optional(),
  overlap_seconds: z.int().min(0).max(LONGEST_OVERLAP).default(USUAL_OVERLAP),
})
export type SecretRotation = z.infer<typeof SecretRotation>

type RotationDeps = Pick<WebhookDeps, 'db' | 'secrets'>

/**
 * Gives a webhook a new secret. Until the overlap ends by PostgreSQL's clock, the old one signs beside it; with an overlap
 * of 0 the old one ends at once.
 * @returns the webhook and, this once, its new secret
 * @throws ApiError 409 `rotation_under_way` while the overlap of the last rotation lasts; 422 for the secret it has
 */
export async function rotateSecret(
  deps: RotationDeps,
  owner: Owner,
  by: Author,
  id: string,
  wanted: SecretRotation,
): Promise<{ webhook: Webhook; secret: string }> {
  const secret = wanted.secret ?? makeSecret()
  const webhook = await deps.db.transaction(async (sql) => {
    const current = await lockWebhook(sql, owner, id)
    if (!current) throw notFound('webhook')
    if (current.rotating_until) throw underWay(current.rotating_until)
    if (deps.secrets.open(current.secret, id) === secret) {
      throw invalid([{ path: 'secret', reason: 'is the one that the webhook has' }])
    }
    await replaceSecret(sql, id, deps.secrets.seal(secret, id), wanted.overlap_seconds)
    await recordChange(sql, by, {
      action: 'webhook.secret_rotated',
      ...about(current),
      changes: { overlap_seconds: { to: wanted.overlap_seconds } },
    })
    return mustFind(sql, owner, id)
  })
  return { webhook, secret }
}

/** Ends the overlap now: only the new secret signs. With none under way nothing changes, so it may be repeated. */
export async function finishRotation(
  deps: Pick<WebhookDeps, 'db'>,
  owner: Owner,
  by: Author,
  id: string,
): Promise<Webhook> {
  return deps.db.transaction(async (sql) => {
    const current = await lockWebhook(sql, owner, id)
    if (!current) throw notFound('webhook')
    if (!current.rotating_until) return current
    await sql.query({
      text: 'UPDATE webhooks SET previous_secret = NULL, rotation_ends_at = NULL, updated_at = now() WHERE id = $1',
      values: [id],
    })
    await recordChange(sql, by, { action: 'webhook.rotation_finished', ...about(current) })
    return mustFind(sql, owner, id)
  })
}

function about(webhook: Webhook) {
  return { target: publicId('wh', webhook.id), ownerId: webhook.user_id }
}

async function replaceSecret(sql: Sql, id: string, sealed: Buffer, overlapSeconds: number): Promise<void> {
  await sql.query({
    text: `UPDATE webhooks SET secret = $2, updated_at = now(),
             previous_secret = CASE WHEN $3 > 0 THEN secret END,
             rotation_ends_at = CASE WHEN $3 > 0 THEN now() + make_interval(secs => $3) END
           WHERE id = $1`,
    values: [id, sealed, overlapSeconds],
  })
}

async function mustFind(sql: Sql, owner: Owner, id: string): Promise<Webhook> {
  const webhook = await findWebhook(sql, owner, id)
  if (!webhook) throw new Error('A locked webhook is not there')
  return webhook
}

function underWay(endsAt: Date): ApiError {
  const message = 'The last rotation is still under way; finish it or wait for its end.'
  return new ApiError(409, 'rotation_under_way', message, { details: { ends_at: endsAt.toISOString() } })
}
