import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { conflict } from '../../errors.ts'
import { type ApiKey, listApiKeys, makeApiKey, revokeApiKey, rotateApiKey } from '../../identity/api-keys.ts'
import { type BlockedUsers, blockUser, unblockUser } from '../../identity/blocked-users.ts'
import { userIdSchema } from '../../identity/claims.ts'
import { ROLES } from '../../identity/principal.ts'
import { makeTicket, TICKET_SECONDS } from '../../identity/tickets.ts'
import { publicId } from '../../ids.ts'
import { authorOf } from '../author.ts'
import { idParam } from '../id-param.ts'
import { page, pageQuery } from '../paging.ts'
import { type Route, route } from '../route.ts'

const KEYS = '/api/v1/auth/api-keys'
const DAY_MS = 86_400_000

const KeyParams = z.object({ id: idParam('key', 'API key') })
const NewKey = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(ROLES).optional(),
  expires_in_days: z.int().min(1).max(3650).nullable().default(null),
})

export function authRoutes(deps: { db: Database; blocked: BlockedUsers }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/auth/me',
      summary: 'Who you are to this service.',
      permission: 'authenticated',
      async handle({ principal }) {
        return {
          user_id: principal.userId,
          role: principal.role,
          tier: principal.tier,
          email: principal.email ?? null,
          via: principal.via,
          expires_at: principal.expiresAt?.toISOString() ?? null,
        }
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/auth/tickets',
      summary: 'A one-time ticket for opening a stream without a long-lived token in its URL.',
      permission: 'streams:read',
      body: z.strictObject({}),
      bodyOptional: true,
      status: 201,
      handle: async ({ principal }) => ({ ticket: await makeTicket(deps.db, principal), expires_in: TICKET_SECONDS }),
    }),
    route({
      method: 'post',
      path: KEYS,
      summary: 'Make an API key. It is shown in this answer only.',
      permission: 'keys:write',
      body: NewKey,
      status: 201,
      async handle({ principal, body, ctx }) {
        const by = authorOf(ctx, principal)
        const expiresAt =
          body.expires_in_days === null ? undefined : new Date(Date.now() + body.expires_in_days * DAY_MS)
        const made = await makeApiKey(deps.db, principal, by, { name: body.name, role: body.role, expiresAt })
        return { ...presentApiKey(made.row), key: made.key }
      },
    }),
    route({
      method: 'get',
      path: KEYS,
      summary: 'List your API keys, newest first.',
      permission: 'keys:read',
      query: z.strictObject(pageQuery),
      async handle({ principal, query }) {
        const rows = await listApiKeys(deps.db, principal.userId, { before: query.cursor, limit: query.limit })
        const { rows: shown, next_cursor } = page(rows, query.limit)
        return { api_keys: shown.map(presentApiKey), next_cursor }
      },
    }),
    route({
      method: 'delete',
      path: `${KEYS}/:id`,
      summary: 'Revoke an API key. Streams it opened end within ten seconds.',
      permission: 'keys:write',
      params: KeyParams,
      async handle({ principal, params, ctx }) {
        await revokeApiKey(deps.db, principal.userId, authorOf(ctx, principal), params.id)
      },
    }),
    route({
      method: 'post',
      path: `${KEYS}/:id/rotate`,
      summary: 'Replace an API key. The new one is shown in this answer only; the old one ends within seconds.',
      permission: 'keys:write',
      params: KeyParams,
      body: z.strictObject({}),
      bodyOptional: true,
      async handle({ principal, params, ctx }) {
        const rotated = await rotateApiKey(deps.db, principal, authorOf(ctx, principal), params.id)
        return { ...presentApiKey(rotated.row), key: rotated.key }
      },
    }),
    ...blockRoutes(deps),
  ]
}

function blockRoutes(deps: { db: Database; blocked: BlockedUsers }): Route[] {
  const path = '/api/v1/users/:id/block'
  const params = z.object({ id: userIdSchema })
  return [
    route({
      method: 'put',
      path,
      summary: 'Block a user: REST and streams refuse them within ten seconds.',
      permission: 'users:block',
      params,
      async handle({ principal, params: { id }, ctx }) {
        if (id === principal.userId) throw conflict('own_user', 'You cannot block yourself.')
        await blockUser(deps.db, id, authorOf(ctx, principal))
        deps.blocked.forget()
      },
    }),
    route({
      method: 'delete',
      path,
      summary: 'Let a blocked user in again.',
      permission: 'users:block',
      params,
      async handle({ principal, params: { id }, ctx }) {
        await unblockUser(deps.db, id, authorOf(ctx, principal))
        deps.blocked.forget()
      },
    }),
  ]
}

function presentApiKey(key: ApiKey) {
  return {
    id: publicId('key', key.id),
    name: key.name,
    hint: key.hint,
    role: key.role,
    tier: key.tier,
    expires_at: key.expires_at?.toISOString() ?? null,
    last_used_at: key.last_used_at?.toISOString() ?? null,
    created_at: key.created_at.toISOString(),
  }
}
