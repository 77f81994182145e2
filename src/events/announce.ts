import { crashPoint } from '../crash-points.ts'
import type { Database, Sql } from '../db/database.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'
import { publicId, uuidTime } from '../ids.ts'
import type { OutgoingMessage, Publisher } from '../streams/publisher.ts'
import { canonicalData } from './canonical-data.ts'
import { catalogue, isEventType } from './catalogue.ts'
import type { NewEvent } from './new-event.ts'

/**
 * An event that is also streamed goes to the backplane after the commit, best effort. The row in `announcements` goes only
 * when that worked, so what a crash or an absent backplane left unannounced is announced by the feeder. A message may then
 * come twice; it carries the `event_id`, which shows it.
 */
export interface Announcer {
  /** Resolves when the events were announced, or left for the feeder. */
  announce(events: readonly NewEvent[]): Promise<void>
}

/** Announced later than this, a message says so: `late: true`. */
const LATE_MS = 30_000
/** The feeder leaves younger ones to the process that accepted them. */
const MISSED_AFTER_SECONDS = 5

export function createAnnouncer(deps: {
  db: Database
  publisher: Publisher
  onError: (error: unknown) => void
}): Announcer {
  const settle = settler(deps.db)
  return {
    async announce(events) {
      const streamed = events.filter((event) => event.streamed)
      if (streamed.length === 0) return
      try {
        await deps.publisher.publish(streamed.map((event) => toMessage(event, false)))
        crashPoint('after_announce')
        await settle(streamed.map((event) => event.id))
      } catch (error) {
        deps.onError(error)
      }
    },
  }
}

/**
 * Announces what nobody has, oldest first, at most `most` of them. Concurrent callers take different rows.
 * @returns how many were announced
 */
export async function announceMissed(deps: { db: Database; publisher: Publisher }, most: number): Promise<number> {
  return deps.db.transaction(async (sql) => {
    const owed = await lockMissed(sql, most)
    if (owed.length === 0) return 0
    const events = await loadEvents(sql, owed)
    await deps.publisher.publish(events.map((event) => toMessage(event, Date.now() - uuidTime(event.id) > LATE_MS)))
    await sql.query({ text: 'DELETE FROM announcements WHERE event_id = ANY ($1)', values: [owed] })
    return owed.length
  })
}

async function lockMissed(sql: Sql, most: number): Promise<string[]> {
  const rows = await sql.query<{ event_id: string }>({
    text: `SELECT event_id FROM announcements WHERE accepted_at < now() - make_interval(secs => $1)
           ORDER BY event_id LIMIT $2 FOR UPDATE SKIP LOCKED`,
    values: [MISSED_AFTER_SECONDS, most],
  })
  return rows.map((row) => row.event_id)
}

type Announced = Pick<NewEvent, 'id' | 'type' | 'symbol' | 'userId' | 'canonical' | 'timestamp'>

async function loadEvents(sql: Sql, ids: readonly string[]): Promise<Announced[]> {
  return sql.query<Announced>({
    text: `SELECT id, event_type AS type, symbol, user_id AS "userId", canonical,
             to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "timestamp"
           FROM events WHERE id = ANY ($1) ORDER BY id`,
    values: [ids],
  })
}

function settler(db: Database): MicroBatch<readonly string[], null> {
  return microBatch<readonly string[], null>({
    run: async (items) => {
      await db.query({
        name: 'announcements-settle',
        text: 'DELETE FROM announcements WHERE event_id = ANY ($1)',
        values: [items.flat()],
      })
      return items.map(() => null)
    },
    windowMs: 5,
    maxSize: 200,
  })
}

function toMessage(event: Announced, late: boolean): OutgoingMessage {
  const stream = isEventType(event.type) ? catalogue[event.type].stream : undefined
  if (!stream) throw new Error(`Events of type ${event.type} are not streamed`)
  return {
    channel: stream.channel,
    symbol: stream.channel === 'alerts' ? null : event.symbol,
    data: canonicalData(event.canonical),
    timestamp: event.timestamp,
    eventId: publicId('evt', event.id),
    ...(event.userId === null ? {} : { userId: event.userId }),
    ...(late ? { late: true } : {}),
  }
}
