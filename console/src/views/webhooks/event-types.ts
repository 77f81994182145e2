import { ask } from '../../api/api.ts'
import type { EventTypeEntry } from '../../api/shapes.ts'

let known: Promise<EventTypeEntry[]> | null = null

/** The catalogue, read once: it changes with the server only. */
export function readEventTypes(): Promise<EventTypeEntry[]> {
  known ??= ask<{ event_types: EventTypeEntry[] }>('GET', '/api/v1/event-types').then(({ event_types }) => event_types)
  known.catch(() => {
    known = null
  })
  return known
}
