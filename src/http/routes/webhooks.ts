import { z } from 'zod'
import { forbidden, notFound } from '../../errors.ts'
import { userIdSchema } from '../../identity/claims.ts'
import type { Principal } from '../../identity/principal.ts'
import { changeWebhook, createWebhook, removeWebhook, type WebhookDeps } from '../../webhooks/manage-webhooks.ts'
import { offerRecovery, presentWebhook } from '../../webhooks/present-webhook.ts'
import { finishRotation, rotateSecret, SecretRotation } from '../../webhooks/rotate-secret.ts'
import { type CheckUrl, newWebhook, webhookChanges } from '../../webhooks/webhook-schemas.ts'
import { findWebhook, listWebhooks, type Owner } from '../../webhooks/webhook-store.ts'
import { authorOf } from '../author.ts'
import { idParam } from '../id-param.ts'
import { page, pageQuery } from '../paging.ts'
import { type Route, route } from '../route.ts'

const WEBHOOKS = '/api/v1/webhooks'
const Params = z.object({ id: idParam('wh', 'webhook') })
const ListQuery = z.strictObject({
  ...pageQuery,
  active_only: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
  user_id: userIdSchema.optional(),
})

export interface WebhookRouteDeps extends WebhookDeps {
  checkUrl: CheckUrl
}

export function webhookRoutes(deps: WebhookRouteDeps): Route[] {
  return [
    route({
      method: 'post',
      path: WEBHOOKS,
      summary: 'Create a webhook. A secret that is made here is shown in this answer only.',
      permission: 'webhooks:write',
      body: newWebhook(deps.checkUrl),
      status: 201,
      async handle({ principal, body, ctx }) {
        const by = authorOf(ctx, principal)
        const { webhook, madeSecret } = await createWebhook(deps, principal, by, body)
        return madeSecret === null ? presentWebhook(webhook) : { ...presentWebhook(webhook), secret: madeSecret }
      },
    }),
    route({
      method: 'get',
      path: WEBHOOKS,
      summary: 'List your webhooks, newest first.',
      permission: 'webhooks:read',
      query: ListQuery,
      async handle({ principal, query }) {
        const rows = await listWebhooks(deps.db, {
          userId: whoseWebhooks(principal, query.user_id),
          activeOnly: query.active_only,
          before: query.cursor,
          limit: query.limit,
        })
        const { rows: shown, next_cursor } = page(rows, query.limit)
        return { webhooks: shown.map(presentWebhook), next_cursor }
      },
    }),
    route({
      method: 'get',
      path: `${WEBHOOKS}/:id`,
      summary: 'Read a webhook.',
      permission: 'webhooks:read',
      params: Params,
      async handle({ principal, params }) {
        const webhook = await findWebhook(deps.db, ownerOf(principal), params.id)
        if (!webhook) throw notFound('webhook')
        return presentWebhook(webhook)
      },
    }),
    route({
      method: 'patch',
      path: `${WEBHOOKS}/:id`,
      summary:
        'Change a webhook. `active: false` cancels its open deliveries; `active: true` offers to recover what it missed.',
      permission: 'webhooks:write',
      params: Params,
      body: webhookChanges(deps.checkUrl),
      async handle({ principal, params, body, ctx }) {
        const by = authorOf(ctx, principal)
        const { webhook, offSince } = await changeWebhook(deps, ownerOf(principal), by, params.id, body)
        const shown = presentWebhook(webhook)
        return offSince ? { ...shown, recovery: offerRecovery(webhook, offSince) } : shown
      },
    }),
    route({
      method: 'delete',
      path: `${WEBHOOKS}/:id`,
      summary: 'Delete a webhook and cancel its open deliveries.',
      permission: 'webhooks:write',
      params: Params,
      async handle({ principal, params, ctx }) {
        await removeWebhook(deps, ownerOf(principal), authorOf(ctx, principal), params.id)
      },
    }),
    ...rotationRoutes(deps),
  ]
}

function rotationRoutes(deps: WebhookDeps): Route[] {
  const path = `${WEBHOOKS}/:id/rotate-secret`
  return [
    route({
      method: 'post',
      path,
      summary:
        'Give a webhook a new secret, shown in this answer only. The old one signs beside it during the overlap.',
      permission: 'webhooks:write',
      params: Params,
      body: SecretRotation,
      bodyOptional: true,
      async handle({ principal, params, body, ctx }) {
        const by = authorOf(ctx, principal)
        const { webhook, secret } = await rotateSecret(deps, ownerOf(principal), by, params.id, body)
        return { ...presentWebhook(webhook), secret }
      },
    }),
    route({
      method: 'post',
      path: `${path}/finish`,
      summary: 'End the overlap of a rotation now: only the new secret signs.',
      permission: 'webhooks:write',
      params: Params,
      body: z.strictObject({}),
      bodyOptional: true,
      async handle({ principal, params, ctx }) {
        const by = authorOf(ctx, principal)
        return presentWebhook(await finishRotation(deps, ownerOf(principal), by, params.id))
      },
    }),
  ]
}

/** Admins act on every owner's webhooks, everybody else on their own. */
export function ownerOf(principal: Principal): Owner {
  return { userId: principal.userId, seesAll: principal.role === 'admin' }
}

function whoseWebhooks(principal: Principal, asked: string | undefined): string {
  if (asked === undefined || asked === principal.userId) return principal.userId
  if (principal.role !== 'admin') throw forbidden('Only an admin may list the webhooks of another user.')
  return asked
}
