import { publicId } from '../ids.ts'
import type { StoredEvent } from './event-log.ts'

/** What readers see of an event. */
export function presentEvent(event: StoredEvent) {
  return {
    event_id: publicId('evt', event.id),
    event_type: event.event_type,
    timestamp: event.timestamp.toISOString(),
    data: JSON.parse(event.canonical).data,
    symbol: event.symbol,
    ...(event.user_id === null ? {} : { user_id: event.user_id }),
    ...(event.test ? { test: true } : {}),
    accepted_at: event.accepted_at.toISOString(),
  }
}
