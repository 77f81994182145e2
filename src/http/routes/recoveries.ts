import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { notFound } from '../../errors.ts'
import { presentRecovery } from '../../recoveries/present-recovery.ts'
import { RECOVERABLE } from '../../recoveries/recovery.ts'
import { findRecovery, listRecoveries } from '../../recoveries/recovery-store.ts'
import { startRecovery } from '../../recoveries/start-recovery.ts'
import { stopRecovery } from '../../recoveries/stop-recovery.ts'
import { findWebhook } from '../../webhooks/webhook-store.ts'
import { authorOf } from '../author.ts'
import { idParam } from '../id-param.ts'
import { page, pageQuery, timeQuery } from '../paging.ts'
import { type Route, route } from '../route.ts'
import { ownerOf } from './webhooks.ts'

export interface RecoveryDeps {
  db: Database
  retentionDays: number
  now: () => Date
}

const OfWebhook = z.object({ id: idParam('wh', 'webhook') })
const OfRecovery = z.object({ id: idParam('rcv', 'recovery') })
const Wanted = z.strictObject({
  since: timeQuery,
  until: timeQuery.optional(),
  status: z.enum(RECOVERABLE).default('failed'),
})

export function recoveryRoutes(deps: RecoveryDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/webhooks/:id/recover',
      summary: 'Open again what failed in a span of time, or what was missed in it.',
      permission: 'webhooks:write',
      params: OfWebhook,
      body: Wanted,
      status: 202,
      async handle({ principal, params, body: { status, ...span }, ctx }) {
        const [owner, by] = [ownerOf(principal), authorOf(ctx, principal)]
        return presentRecovery(await startRecovery(deps, owner, by, params.id, { recovers: status, ...span }))
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/webhooks/:id/recoveries',
      summary: 'List the recoveries of a webhook, newest first.',
      permission: 'webhooks:read',
      params: OfWebhook,
      query: z.strictObject(pageQuery),
      async handle({ principal, params, query }) {
        if (!(await findWebhook(deps.db, ownerOf(principal), params.id))) throw notFound('webhook')
        const rows = await listRecoveries(deps.db, params.id, { before: query.cursor, limit: query.limit })
        const { rows: shown, next_cursor } = page(rows, query.limit)
        return { recoveries: shown.map(presentRecovery), next_cursor }
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/recoveries/:id',
      summary: 'Read how far a recovery has come.',
      permission: 'webhooks:read',
      params: OfRecovery,
      async handle({ principal, params }) {
        const recovery = await findRecovery(deps.db, ownerOf(principal), params.id)
        if (!recovery) throw notFound('recovery')
        return presentRecovery(recovery)
      },
    }),
    route({
      method: 'delete',
      path: '/api/v1/recoveries/:id',
      summary: 'Stop a recovery. What it has opened is still delivered.',
      permission: 'webhooks:write',
      params: OfRecovery,
      async handle({ principal, params, ctx }) {
        await stopRecovery(deps.db, ownerOf(principal), authorOf(ctx, principal), params.id)
      },
    }),
  ]
}
