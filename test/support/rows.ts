import type { Database } from '../../src/db/database.ts'
import type { NewEvent } from '../../src/events/insert-events.ts'
import { uuidv7 } from '../../src/ids.ts'
import { insertWebhook } from '../../src/webhooks/webhook-store.ts'

/** Stores a webhook as the API would, with what the test cares about; its secret and headers are not sealed. */
export async function makeWebhook(
  db: Database,
  fields: Partial<Parameters<typeof insertWebhook>[1]> = {},
): Promise<string> {
  const id = uuidv7()
  const webhook = {
    id,
    user_id: 'alice',
    url: 'https://receiver.example/hook',
    events: ['*'],
    symbols: null,
    secret: Buffer.from('sealed'),
    headers: null,
    header_names: [],
    description: null,
    active: true,
    signature_style: 'canonical' as const,
    max_attempts: 3,
    ...fields,
  }
  await db.transaction((sql) => insertWebhook(sql, webhook, 1_000_000))
  return id
}

/** An event as `prepareEvent` would hand it on. */
export function newEvent(fields: Partial<NewEvent> = {}): NewEvent {
  return {
    id: uuidv7(),
    type: 'prediction_complete',
    symbol: 'AAPL',
    userId: null,
    canonical:
      '{"data": {"symbol": "AAPL"}, "event_id": "evt_1", "event_type": "prediction_complete", "timestamp": "t"}',
    timestamp: '2026-11-23T12:00:00.000Z',
    publishedBy: 'producer',
    streamed: false,
    ...fields,
  }
}
