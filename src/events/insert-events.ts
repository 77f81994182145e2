import type { Sql } from '../db/database.ts'
import type { NewEvent } from './new-event.ts'
import { storeSubmissions } from './store-submissions.ts'

export type { NewEvent }

/** Stores events that nobody waits for. */
export async function insertEvents(sql: Sql, events: readonly NewEvent[]): Promise<void> {
  await storeSubmissions(sql, [{ events, answer: { status: 202, body: '' } }])
}
