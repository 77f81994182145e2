import { builder, toStatement } from '../db/builder.ts'
import type { Sql } from '../db/database.ts'
import { idBounds } from '../db/id-bounds.ts'
import type { Owner } from '../webhooks/webhook-store.ts'
import type { Recovery } from './recovery.ts'

type NewRecovery = Pick<
  Recovery,
  'id' | 'webhook_id' | 'user_id' | 'recovers' | 'since' | 'until' | 'position' | 'end_position'
>

/** @returns false when the webhook has a running one */
export async function insertRecovery(sql: Sql, recovery: NewRecovery, startsInMs: number): Promise<boolean> {
  const startsAt = builder.raw('now() + make_interval(secs => ?)', [startsInMs / 1000])
  const insert = builder('recoveries').insert({ ...recovery, next_round_at: startsAt })
  const rows = await sql.query(
    toStatement(insert.onConflict(builder.raw("(webhook_id) WHERE status = 'running'")).ignore().returning('id')),
  )
  return rows.length === 1
}

/** The recovery, or null when there is none or it is somebody else's. */
export async function findRecovery(sql: Sql, owner: Owner, id: string): Promise<Recovery | null> {
  const query = builder('recoveries').select('*').where('id', id)
  if (!owner.seesAll) query.where('user_id', owner.userId)
  const [recovery] = await sql.query<Recovery>(toStatement(query))
  return recovery ?? null
}

/** Newest first, one more than `limit` when there are more. */
export async function listRecoveries(
  sql: Sql,
  webhookId: string,
  filter: { before?: string | undefined; limit: number },
): Promise<Recovery[]> {
  const query = builder('recoveries').select('*').where('webhook_id', webhookId)
  idBounds(query, 'id', filter)
  return sql.query<Recovery>(toStatement(query.orderBy('id', 'desc').limit(filter.limit + 1)))
}

/** What was opened again stays open. Waits for the round that is under way. @returns false for one that is over */
export async function cancelRecovery(sql: Sql, id: string, reason: string): Promise<boolean> {
  const rows = await sql.query({
    text: `UPDATE recoveries SET status = 'canceled', reason = $2, finished_at = now(), updated_at = now()
           WHERE id = $1 AND status = 'running' RETURNING 1`,
    values: [id, reason],
  })
  return rows.length === 1
}
