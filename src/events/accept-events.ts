import type { Database, Sql } from '../db/database.ts'
import { sqlState } from '../db/database.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'
import { ApiError, conflict, unavailable } from '../errors.ts'
import { findAnswer, type KeyUse, keyOf, storeAnswers, takeKeys } from '../idempotency/idempotency-keys.ts'
import { insertEvents, type NewEvent } from './insert-events.ts'

/**
 * Acceptance: requests that come within two milliseconds share one transaction, which writes their idempotency rows, events,
 * deliveries and open work. Its COMMIT is the promise: an answer is given only after it, and if its outcome is unknown
 * everybody in it gets 503 and may ask again under the same key or event id.
 */
export interface Submission {
  events: readonly NewEvent[]
  /** Present when the caller sent an `Idempotency-Key`. */
  use?: KeyUse
  /** Writes the answer once the number of deliveries of each event is known. */
  answer: (deliveries: readonly number[]) => Answer
}

export interface Answer {
  status: number
  body: string
}

export type Acceptance = Answer & {
  replayed: boolean
  /** Whether anything was stored that somebody is owed. */
  deliveries: number
}

export type AcceptEvents = MicroBatch<Submission, Acceptance>

const WINDOW_MS = 2
/** Bounds a transaction to what PostgreSQL does in some 50 ms. */
const MOST_SUBMISSIONS = 200

export function createAcceptance(deps: { db: Database; onBatch?: (size: number) => void }): AcceptEvents {
  return microBatch<Submission, Acceptance>({
    run: (submissions) => deps.db.transaction((sql) => acceptTogether(sql, submissions)),
    windowMs: WINDOW_MS,
    maxSize: MOST_SUBMISSIONS,
    ...(deps.onBatch ? { onBatch: deps.onBatch } : {}),
  })
}

async function acceptTogether(sql: Sql, submissions: readonly Submission[]): Promise<(Acceptance | Error)[]> {
  const first = firstUses(submissions)
  const taken = await takeKeys(
    sql,
    [...first.values()].flatMap(({ use }) => (use ? [use] : [])),
  )
  const isFresh = (one: Submission) =>
    one.use === undefined || (taken.has(keyOf(one.use)) && first.get(keyOf(one.use)) === one)
  const fresh = submissions.filter(isFresh)
  const counts = await insertAll(sql, fresh)
  const answers = new Map(fresh.map((one) => [one, accepted(one, counts)]))
  await storeAnswers(
    sql,
    fresh.flatMap((one) => {
      const answer = answers.get(one)
      return one.use && answer ? [{ ...one.use, ...answer }] : []
    }),
  )
  const results: (Acceptance | Error)[] = []
  for (const one of submissions) results.push(answers.get(one) ?? (await replay(sql, one)))
  return results
}

/** Of several submissions under one key in one batch, the first counts and the others repeat its answer. */
function firstUses(submissions: readonly Submission[]): Map<string, Submission> {
  const first = new Map<string, Submission>()
  for (const one of submissions) {
    if (one.use && !first.has(keyOf(one.use))) first.set(keyOf(one.use), one)
  }
  return first
}

async function insertAll(sql: Sql, fresh: readonly Submission[]): Promise<Map<string, number>> {
  const events = fresh.flatMap((one) => one.events)
  if (events.length === 0) return new Map()
  try {
    return await insertEvents(sql, events)
  } catch (error) {
    const state = sqlState(error)
    if (state === '23505') throw conflict('event_id_taken', 'An event with this event_id exists already.')
    if (state === '23514') throw unavailable('There is no partition for the day of this event.', 60, error)
    throw error
  }
}

function accepted(one: Submission, counts: ReadonlyMap<string, number>): Acceptance {
  const deliveries = one.events.map((event) => counts.get(event.id) ?? 0)
  return { ...one.answer(deliveries), replayed: false, deliveries: deliveries.reduce((sum, count) => sum + count, 0) }
}

async function replay(sql: Sql, one: Submission): Promise<Acceptance | Error> {
  const stored = one.use ? await findAnswer(sql, one.use) : null
  if (!one.use || !stored) return unavailable('The first request with this Idempotency-Key is still being answered.')
  if (!stored.bodySha256.equals(one.use.bodySha256)) {
    return new ApiError(422, 'idempotency_key_reused', 'This Idempotency-Key was used with another request body.')
  }
  return { status: stored.status, body: stored.body, replayed: true, deliveries: 0 }
}
