import { readPages } from '../pages.ts'
import type { Server } from '../server.ts'
import { eventText, type PresentedEvent } from './event-text.ts'
import type { Source } from './follower.ts'
import type { Forwardable } from './forward.ts'

/** No stream carries events of every type. Thirty requests a minute leave half of the smallest allowance. */
const LOOK_EVERY_MS = 2_000
const MOST = Number.POSITIVE_INFINITY

export interface EventFilter {
  types: readonly string[] | undefined
  symbols: readonly string[] | undefined
}

/** The events that a webhook of this user would get, without there being one. */
export function eventSource(server: Server, userId: string, filter: EventFilter): Source<Forwardable> {
  return {
    everyMs: LOOK_EVERY_MS,
    now: () => server.now,
    async list(since) {
      const query = { since: new Date(since).toISOString() }
      const { rows } = await readPages<PresentedEvent>(server, '/api/v1/events', { name: 'events', most: MOST, query })
      return rows
        .filter((event) => isFor(userId, event) && matches(filter, event))
        .map((event) => {
          const item = forwardable(event)
          return { id: item.id, createdAt: item.createdAt, read: async () => item }
        })
    },
  }
}

/** Producers also see what they published for others. */
function isFor(userId: string, { user_id }: PresentedEvent): boolean {
  return user_id === undefined || user_id === userId
}

export function matches(
  { types, symbols }: EventFilter,
  event: Pick<PresentedEvent, 'event_type' | 'symbol'>,
): boolean {
  if (types !== undefined && !types.includes('*') && !types.includes(event.event_type)) return false
  return symbols === undefined || (event.symbol !== null && symbols.includes(event.symbol))
}

function forwardable(event: PresentedEvent): Forwardable {
  return {
    // There is no delivery; its id must be the same whenever the event is forwarded.
    id: event.event_id.replace(/^evt_/, 'dlv_'),
    eventId: event.event_id,
    eventType: event.event_type,
    createdAt: timeOf(event.event_id),
    body: eventText(event),
    test: false,
  }
}

/** The list goes by the time in the id. */
function timeOf(id: string): number {
  return Number.parseInt(id.replace(/^evt_/, '').replaceAll('-', '').slice(0, 12), 16)
}
