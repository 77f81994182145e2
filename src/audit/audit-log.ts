import { builder, toStatement } from '../db/builder.ts'
import type { Sql } from '../db/database.ts'
import { idBounds } from '../db/id-bounds.ts'
import type { Role } from '../identity/principal.ts'
import { publicId } from '../ids.ts'
import type { Author } from './author.ts'
import type { Action, Changes } from './record-change.ts'

export interface AuditEntry {
  id: string
  action: Action
  target: string
  owner_id: string
  /** Null when the system did it by itself. */
  actor_id: string | null
  actor_role: Role | null
  via: Author['via'] | null
  key_id: string | null
  address: string | null
  request_id: string | null
  changes: Changes
  created_at: Date
}

export interface AuditFilter {
  ownerId?: string | undefined
  actorId?: string | undefined
  action?: Action | undefined
  target?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
  before?: string | undefined
  limit: number
}

/** Newest first, one more than `limit` when there are more. */
export async function listAuditLog(sql: Sql, filter: AuditFilter): Promise<AuditEntry[]> {
  const { ownerId, actorId, action, target } = filter
  const query = builder('audit_log').select('*')
  for (const [column, value] of Object.entries({ owner_id: ownerId, actor_id: actorId, action, target }))
    if (value !== undefined) query.where(column, value)
  idBounds(query, 'id', filter)
  return sql.query<AuditEntry>(toStatement(query.orderBy('id', 'desc').limit(filter.limit + 1)))
}

/** Owners see of an admin that it was one; where from and under which request only admins see of others. */
export function presentAuditEntry(entry: AuditEntry, viewer: { userId: string; role: Role }) {
  const mayKnowAll = viewer.role === 'admin' || viewer.userId === entry.actor_id
  const known = <Value>(value: Value) => (mayKnowAll ? value : null)
  return {
    id: publicId('aud', entry.id),
    created_at: entry.created_at.toISOString(),
    action: entry.action,
    target: entry.target,
    user_id: entry.owner_id,
    actor:
      entry.actor_role === null
        ? null
        : {
            user_id: known(entry.actor_id),
            role: entry.actor_role,
            via: known(entry.via),
            key_id: known(entry.key_id === null ? null : publicId('key', entry.key_id)),
          },
    address: known(entry.address),
    request_id: known(entry.request_id),
    changes: entry.changes,
  }
}
