import type { Database } from '../db/database.ts'
import type { Claim } from './claim.ts'

/** A row that was fed is not fed again for so long: by then a job that still exists would have been claimed. */
const FED_SECONDS = 8

/**
 * Takes the open work whose time has come, for the queue: per webhook the oldest up to its cap, of all of them the oldest up
 * to `most`. A webhook's rows in the queue or under a lease are its oldest due ones, so looking at no more than `perWebhook`
 * of each keeps its work in flight at the cap, and one webhook's backlog is never read.
 */
export async function takeDue(db: Database, limits: { perWebhook: number; most: number }): Promise<Claim[]> {
  const rows = await db.query<{ delivery_id: string; attempt: number }>({
    name: 'feed-take',
    text: `
      WITH RECURSIVE webhook AS (
        (SELECT webhook_id FROM due ORDER BY webhook_id LIMIT 1)
        UNION ALL
        SELECT (SELECT due.webhook_id FROM due WHERE due.webhook_id > webhook.webhook_id ORDER BY due.webhook_id LIMIT 1)
        FROM webhook WHERE webhook.webhook_id IS NOT NULL
      ), ripe AS (
        SELECT head.delivery_id, head.due_at FROM webhook CROSS JOIN LATERAL (
          SELECT delivery_id, due_at, fed_until, lease_until FROM due
          WHERE due.webhook_id = webhook.webhook_id AND due_at <= now() ORDER BY due_at LIMIT $1
        ) AS head
        WHERE (head.fed_until IS NULL OR head.fed_until < now()) AND (head.lease_until IS NULL OR head.lease_until < now())
        ORDER BY head.due_at LIMIT $2
      ), taken AS (
        SELECT due.delivery_id FROM due WHERE delivery_id IN (SELECT delivery_id FROM ripe)
          AND (fed_until IS NULL OR fed_until < now()) AND (lease_until IS NULL OR lease_until < now())
        FOR UPDATE SKIP LOCKED
      )
      UPDATE due SET fed_until = now() + make_interval(secs => ${FED_SECONDS})
      FROM taken WHERE due.delivery_id = taken.delivery_id
      RETURNING due.delivery_id, due.attempt + 1 AS attempt`,
    values: [limits.perWebhook, limits.most],
  })
  return rows.map((row) => ({ deliveryId: row.delivery_id, attempt: row.attempt }))
}

/** Gives back what could not be put into the queue, so that the next round finds it at once. */
export async function returnFed(db: Database, claims: readonly Claim[]): Promise<void> {
  await db.query({
    text: 'UPDATE due SET fed_until = NULL WHERE delivery_id = ANY ($1) AND lease_until IS NULL',
    values: [claims.map((claim) => claim.deliveryId)],
  })
}
