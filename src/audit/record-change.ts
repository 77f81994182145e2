import type { Sql } from '../db/database.ts'
import { uuidv7 } from '../ids.ts'
import type { Author } from './author.ts'

/*
 * The audit log: what owners and operators change, written in the transaction of the change, so that neither is there without the
 * other. It never holds a secret: of secrets and headers it says that they changed, of a URL's query that there is one.
 */

export const ACTIONS = [
  ...(['webhook.created', 'webhook.changed', 'webhook.disabled', 'webhook.enabled', 'webhook.deleted'] as const),
  ...(['webhook.secret_rotated', 'webhook.rotation_finished', 'delivery.retried'] as const),
  ...(['recovery.started', 'recovery.stopped', 'api_key.made', 'api_key.rotated', 'api_key.revoked'] as const),
  ...(['user.blocked', 'user.unblocked', 'queue.changed'] as const),
] as const
export type Action = (typeof ACTIONS)[number]

export interface Change {
  action: Action
  /** The public id of what was changed; of a user their id, of the queue the board's request. */
  target: string
  /** Whose it is. */
  ownerId: string
  changes?: Changes
}

/** By field; what was not there before, or is not there after, is left out. */
export type Changes = Record<string, { from?: unknown; to?: unknown }>

/** Runs in the transaction of the change. @param author null when the system does it by itself */
export async function recordChange(sql: Sql, author: Author | null, change: Change): Promise<void> {
  await sql.query({
    text: `INSERT INTO audit_log
             (id, action, target, owner_id, actor_id, actor_role, via, key_id, address, request_id, changes)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    values: [
      uuidv7(),
      change.action,
      change.target,
      change.ownerId,
      author?.userId ?? null,
      author?.role ?? null,
      author?.via ?? null,
      author?.keyId ?? null,
      author?.address ?? null,
      author?.requestId ?? null,
      JSON.stringify(change.changes ?? {}),
    ],
  })
}

/** What differs of the fields; of two equal ones nothing is left. */
export function differences(from: Record<string, unknown>, to: Record<string, unknown>): Changes {
  const changed = Object.keys({ ...from, ...to }).filter((key) => JSON.stringify(from[key]) !== JSON.stringify(to[key]))
  return Object.fromEntries(
    changed.map((key) => [key, { ...(key in from ? { from: from[key] } : {}), ...(key in to ? { to: to[key] } : {}) }]),
  )
}
