import type { Author } from '../audit/author.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Database } from '../db/database.ts'
import type { SecretBox } from '../db/secret-box.ts'
import { cancelOpenDeliveries } from '../deliveries/cancel-deliveries.ts'
import { forgetHealth } from '../deliveries/health-store.ts'
import { ApiError, notFound } from '../errors.ts'
import type { Principal, Tier } from '../identity/principal.ts'
import { publicId, uuidv7 } from '../ids.ts'
import { makeSecret } from './signature.ts'
import { turnOff, turnOn } from './switch-webhook.ts'
import type { Webhook } from './webhook.ts'
import { webhookChanges } from './webhook-changes.ts'
import type { NewWebhook, WebhookChanges } from './webhook-schemas.ts'
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  lockWebhook,
  type Owner,
  updateWebhook,
  type WebhookFields,
} from './webhook-store.ts'

export interface WebhookDeps {
  db: Database
  secrets: SecretBox
  limits: { webhooks: Record<Tier, number> }
  maxAttempts: number
}

/** @returns the webhook and, this once, its secret if it was made here */
export async function createWebhook(
  deps: WebhookDeps,
  principal: Principal,
  by: Author,
  wanted: NewWebhook,
): Promise<{ webhook: Webhook; madeSecret: string | null }> {
  const id = uuidv7()
  const secret = wanted.secret ?? makeSecret()
  const most = principal.role === 'admin' ? Number.MAX_SAFE_INTEGER : deps.limits.webhooks[principal.tier]
  const webhook = await deps.db.transaction(async (sql) => {
    const stored = await insertWebhook(
      sql,
      {
        id,
        user_id: principal.userId,
        url: wanted.url,
        events: wanted.events,
        symbols: wanted.symbols,
        secret: deps.secrets.seal(secret, id),
        ...sealHeaders(deps, id, wanted.headers),
        description: wanted.description,
        active: wanted.active,
        signature_style: wanted.signature_style,
        max_attempts: wanted.max_attempts ?? deps.maxAttempts,
      },
      most,
    )
    if (!stored) {
      throw new ApiError(403, 'webhook_limit_reached', `The ${principal.tier} tier has at most ${most} webhooks.`)
    }
    const created = await findWebhook(sql, { userId: principal.userId, seesAll: false }, id)
    if (!created) throw new Error('A webhook was stored and is not there')
    await recordChange(sql, by, {
      action: 'webhook.created',
      ...about(created),
      changes: webhookChanges(null, created),
    })
    return created
  })
  return { webhook, madeSecret: wanted.secret === undefined ? secret : null }
}

/**
 * Changes what is named. Turned off, its open deliveries are cancelled; turned on, the reason it was off is forgotten.
 * @returns the webhook and, when it was turned on, since when it had been off
 */
export async function changeWebhook(
  deps: WebhookDeps,
  owner: Owner,
  by: Author,
  id: string,
  changes: WebhookChanges,
): Promise<{ webhook: Webhook; offSince: Date | null }> {
  return deps.db.transaction(async (sql) => {
    const current = await lockWebhook(sql, owner, id)
    if (!current) throw notFound('webhook')
    const { headers, active, ...plain } = changes
    const fields: Partial<WebhookFields> = { ...dropUndefined(plain) }
    if (headers !== undefined) Object.assign(fields, sealHeaders(deps, id, headers))
    await updateWebhook(sql, id, fields)
    const [turnedOff, turnedOn] = [current.active && active === false, !current.active && active === true]
    if (turnedOff) await turnOff(sql, id, 'disabled by its owner')
    if (turnedOn) await turnOn(sql, id)
    if (active !== undefined || changes.url !== undefined) await forgetHealth(sql, [id])
    const webhook = await findWebhook(sql, owner, id)
    if (!webhook) throw notFound('webhook')
    const action = turnedOff ? 'webhook.disabled' : turnedOn ? 'webhook.enabled' : 'webhook.changed'
    const changed = changesOf(current, webhook, changes)
    if (Object.keys(changed).length > 0) await recordChange(sql, by, { action, ...about(webhook), changes: changed })
    return { webhook, offSince: turnedOn ? (current.disabled_at ?? current.created_at) : null }
  })
}

/** Removes a webhook and cancels what is open. Its deliveries stay in the log of their events. */
export async function removeWebhook(
  deps: Pick<WebhookDeps, 'db'>,
  owner: Owner,
  by: Author,
  id: string,
): Promise<void> {
  await deps.db.transaction(async (sql) => {
    const webhook = await lockWebhook(sql, owner, id)
    if (!webhook) throw notFound('webhook')
    await cancelOpenDeliveries(sql, id)
    await deleteWebhook(sql, id)
    await recordChange(sql, by, {
      action: 'webhook.deleted',
      ...about(webhook),
      changes: webhookChanges(webhook, null),
    })
  })
}

function about(webhook: Webhook) {
  return { target: publicId('wh', webhook.id), ownerId: webhook.user_id }
}

/** Headers may have got other values under the names that they had, and a URL another query. */
function changesOf(from: Webhook, to: Webhook, { headers, url }: WebhookChanges) {
  return {
    ...(headers === undefined ? {} : { headers: { from: from.header_names, to: to.header_names } }),
    ...(url === undefined || url === from.url ? {} : { url: {} }),
    ...webhookChanges(from, to),
  }
}

function sealHeaders(deps: WebhookDeps, id: string, headers: Record<string, string> | null) {
  const names = Object.keys(headers ?? {})
  return { headers: names.length === 0 ? null : deps.secrets.seal(JSON.stringify(headers), id), header_names: names }
}

function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as never
}
