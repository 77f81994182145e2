import { publicId } from '../ids.ts'
import { canonicalData } from './canonical-data.ts'
import type { StoredEvent } from './event-log.ts'

/** What readers see of an event, as JSON text; `more` goes to its end. */
export function presentEvent(event: StoredEvent, more: object = {}): string {
  const before = JSON.stringify({
    event_id: publicId('evt', event.id),
    event_type: event.event_type,
    timestamp: event.timestamp.toISOString(),
  })
  const after = JSON.stringify({
    symbol: event.symbol,
    ...(event.user_id === null ? {} : { user_id: event.user_id }),
    ...(event.test ? { test: true } : {}),
    accepted_at: event.accepted_at.toISOString(),
    ...more,
  })
  return `${before.slice(0, -1)},"data":${canonicalData(event.canonical)},${after.slice(1)}`
}
