import type { Sql } from '../db/database.ts'
import { canonicalEvent } from '../events/catalogue.ts'
import { insertEvents } from '../events/insert-events.ts'
import { BY_THE_SYSTEM } from '../events/new-event.ts'
import { publicId, uuidv7 } from '../ids.ts'

/**
 * Tells a webhook's owner of its trouble by an event of the system: it is theirs alone (`user_id`) and goes to their other
 * webhooks that subscribe to its type, not to the one it is about. Runs in the transaction of what it tells.
 */
export async function tellOwner(
  sql: Sql,
  type: 'webhook_failing' | 'webhook_disabled',
  webhook: { id: string; user_id: string; failing_since: Date | null },
  reason: string,
): Promise<void> {
  const now = new Date()
  const id = uuidv7(now.getTime())
  const timestamp = now.toISOString()
  const data = {
    webhook_id: publicId('wh', webhook.id),
    reason,
    ...(webhook.failing_since ? { failing_since: webhook.failing_since.toISOString() } : {}),
  }
  await insertEvents(sql, [
    {
      id,
      type,
      symbol: null,
      userId: webhook.user_id,
      canonical: canonicalEvent({ data, event_id: publicId('evt', id), event_type: type, timestamp }),
      timestamp,
      publishedBy: BY_THE_SYSTEM,
      streamed: false,
    },
  ])
  await withhold(sql, id, webhook.id)
}

/** Takes back what of an event is owed to one webhook. Nobody has seen it: its transaction is not committed. */
async function withhold(sql: Sql, eventId: string, webhookId: string): Promise<void> {
  await sql.query({
    text: `WITH own AS (DELETE FROM deliveries WHERE event_id = $1 AND webhook_id = $2 RETURNING id)
           DELETE FROM due USING own WHERE due.delivery_id = own.id`,
    values: [eventId, webhookId],
  })
}
