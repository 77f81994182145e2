import { setTimeout } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { canonicalEvent, catalogue, type EventType } from '../events/catalogue.ts'
import { publicId, uuidv7 } from '../ids.ts'
import { findDelivery, type LoggedDelivery } from './delivery-log.ts'
import type { Wake } from './wake.ts'

const LOOK_EVERY_MS = 50
const OVER = new Set(['success', 'failed', 'canceled'])

/**
 * Sends the catalogue's example of a type to one webhook, active or not, through the real queue, sender and signature: one
 * attempt, no counter, no stream. Waits for its outcome at most `waitMs`.
 * @returns the delivery as it stands then
 */
export async function sendTest(
  deps: { db: Database; wake: Wake; publishedBy: string },
  webhook: { id: string; user_id: string },
  type: EventType,
  waitMs: number,
): Promise<LoggedDelivery> {
  const deliveryId = await storeTest(deps, webhook, type)
  deps.wake.wake()
  const deadline = performance.now() + waitMs
  for (;;) {
    const delivery = await findDelivery(deps.db, webhook.id, deliveryId)
    if (!delivery) throw new Error(`Test delivery ${deliveryId} vanished`)
    if (OVER.has(delivery.status) || performance.now() > deadline) return delivery
    await setTimeout(LOOK_EVERY_MS)
  }
}

async function storeTest(
  deps: { db: Database; publishedBy: string },
  webhook: { id: string; user_id: string },
  type: EventType,
): Promise<string> {
  const eventId = uuidv7()
  const deliveryId = uuidv7()
  const timestamp = new Date().toISOString()
  const data = catalogue[type].example
  const canonical = canonicalEvent({ data, event_id: publicId('evt', eventId), event_type: type, timestamp })
  await deps.db.query({
    text: `
      WITH event AS (
        INSERT INTO events (id, event_type, user_id, canonical, "timestamp", published_by, test)
        VALUES ($1, $2, $3, $4, $5, $6, true)
      ), delivery AS (
        INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, max_attempts, test)
        VALUES ($7, $8, $1, $2, $3, 1, true)
      )
      INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts, test, urgent) VALUES ($7, $8, $1, 1, true, true)`,
    values: [eventId, type, webhook.user_id, canonical, timestamp, deps.publishedBy, deliveryId, webhook.id],
  })
  return deliveryId
}
