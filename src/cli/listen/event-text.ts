import { canonicalJson } from '../../json/canonical-json.ts'
import type { JsonValue } from '../../json/strict-json.ts'

/** An event as the API shows it. */
export interface PresentedEvent {
  event_id: string
  event_type: string
  timestamp: string
  data: JsonValue
  symbol: string | null
  user_id?: string
  accepted_at: string
}

/** The text that webhooks get of it. */
export function eventText({ data, event_id, event_type, timestamp }: PresentedEvent): string {
  return canonicalJson({ data, event_id, event_type, timestamp })
}
