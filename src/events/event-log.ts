import type { Knex } from 'knex'
import { builder, toStatement } from '../db/builder.ts'
import type { Sql } from '../db/database.ts'
import { idBounds } from '../db/id-bounds.ts'

/** A stored event as its readers see it. */
export interface StoredEvent {
  id: string
  event_type: string
  symbol: string | null
  user_id: string | null
  canonical: string
  timestamp: Date
  accepted_at: Date
  test: boolean
}

/** Who reads: an admin sees every owner's, others the public ones, their own and what they published. */
export interface Reader {
  userId: string
  seesAll: boolean
}

export interface EventFilter {
  eventType?: string | undefined
  symbol?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
  before?: string | undefined
  limit: number
}

const COLUMNS = ['id', 'event_type', 'symbol', 'user_id', 'canonical', 'timestamp', 'accepted_at', 'test'] as const

/** Newest first, one more than `limit` when there are more. Test events are nobody's history. */
export async function listEvents(sql: Sql, reader: Reader, filter: EventFilter): Promise<StoredEvent[]> {
  const query = builder('events').select(COLUMNS).where('test', false)
  if (!reader.seesAll) query.where((either) => seenBy(either, reader.userId))
  if (filter.eventType !== undefined) query.where('event_type', filter.eventType)
  if (filter.symbol !== undefined) query.where('symbol', filter.symbol)
  idBounds(query, 'id', filter)
  return sql.query<StoredEvent>(toStatement(query.orderBy('id', 'desc').limit(filter.limit + 1)))
}

function seenBy(either: Knex.QueryBuilder, userId: string) {
  either.whereNull('user_id').orWhere('user_id', userId).orWhere('published_by', userId)
}

/** The event, or null when there is none or it is somebody else's. */
export async function findEvent(sql: Sql, reader: Reader, id: string): Promise<StoredEvent | null> {
  const [event] = await sql.query<StoredEvent>({
    name: 'event-find',
    text: `SELECT id, event_type, symbol, user_id, canonical, "timestamp", accepted_at, test FROM events
           WHERE id = $1 AND ($2 OR user_id IS NULL OR user_id = $3 OR published_by = $3)`,
    values: [id, reader.seesAll, reader.userId],
  })
  return event ?? null
}
