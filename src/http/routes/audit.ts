import { z } from 'zod'
import { listAuditLog, presentAuditEntry } from '../../audit/audit-log.ts'
import { ACTIONS } from '../../audit/record-change.ts'
import type { Database } from '../../db/database.ts'
import { forbidden } from '../../errors.ts'
import { userIdSchema } from '../../identity/claims.ts'
import type { Principal } from '../../identity/principal.ts'
import { page, pageQuery, timeQuery } from '../paging.ts'
import { type Route, route } from '../route.ts'

const ListQuery = z.strictObject({
  ...pageQuery,
  action: z.enum(ACTIONS).optional(),
  target: z.string().min(1).max(300).optional(),
  actor: userIdSchema.optional(),
  user_id: userIdSchema.optional(),
  since: timeQuery.optional(),
  until: timeQuery.optional(),
})

export function auditRoutes(deps: { db: Database }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/audit-log',
      summary: 'List who changed what, newest first: of what is yours, and for admins of everything.',
      permission: 'audit:read',
      query: ListQuery,
      async handle({ principal, query }) {
        const { action, target, actor, since, until, cursor, limit } = query
        const ownerId = whose(principal, query.user_id)
        const filter = { ownerId, actorId: actor, action, target, since, until, before: cursor, limit }
        const { rows, next_cursor } = page(await listAuditLog(deps.db, filter), limit)
        return { entries: rows.map((entry) => presentAuditEntry(entry, principal)), next_cursor }
      },
    }),
  ]
}

function whose(principal: Principal, asked: string | undefined): string | undefined {
  if (principal.role === 'admin') return asked
  if (asked !== undefined && asked !== principal.userId)
    throw forbidden('Only an admin may read the audit log of another user.')
  return principal.userId
}
