import { crashPoint } from '../crash-points.ts'
import type { Database } from '../db/database.ts'
import { sqlState } from '../db/database.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'
import { ApiError, conflict, unavailable } from '../errors.ts'
import { findAnswer, keyOf } from '../idempotency/idempotency-keys.ts'
import { fillAnswer, type Submission, storeSubmissions } from './store-submissions.ts'

/**
 * Acceptance: requests that come within two milliseconds share one statement, which writes their idempotency rows, events,
 * deliveries and open work. Its commit is the promise: an answer is given only after it, and if its outcome is unknown
 * everybody in it gets 503 and may ask again under the same key or event id.
 */
export interface Acceptance {
  status: number
  body: string
  replayed: boolean
  /** How many deliveries it opened. */
  deliveries: number
}

export type AcceptEvents = MicroBatch<Submission, Acceptance>

const WINDOW_MS = 2
/** Bounds a statement to what PostgreSQL does in some 50 ms. Of many events at once fewer share one, and hold up no single ones. */
const MOST_SUBMISSIONS = 200
const MANY_EVENTS = 10
const MOST_OF_MANY = 8
/** More would only make smaller ones. */
const AT_ONCE = 2
/** A statement of few events that takes longer waits for something, such as a key that another process takes right now. */
const ALONE_MS = 25

export function createAcceptance(deps: { db: Database; onBatch?: (size: number) => void }): AcceptEvents {
  const together = (maxSize: number, aloneMs: number) =>
    microBatch<Submission, Acceptance>({
      run: (submissions) => acceptTogether(deps.db, submissions),
      windowMs: WINDOW_MS,
      maxSize,
      maxAtOnce: AT_ONCE,
      aloneMs,
      ...(deps.onBatch ? { onBatch: deps.onBatch } : {}),
    })
  const [few, many] = [together(MOST_SUBMISSIONS, ALONE_MS), together(MOST_OF_MANY, 0)]
  return (submission) => (submission.events.length < MANY_EVENTS ? few : many)(submission)
}

async function acceptTogether(db: Database, submissions: readonly Submission[]): Promise<(Acceptance | Error)[]> {
  const first = firstUses(submissions)
  crashPoint('before_commit')
  const stored = await store(db, first)
  crashPoint('after_commit')
  const results: (Acceptance | Error)[] = []
  for (const one of submissions) {
    const counts = stored.get(one)
    results.push(counts ? accepted(one, counts) : await replay(db, one))
  }
  return results
}

/** Of several submissions under one key in one batch, the first counts and the others repeat its answer. */
function firstUses(submissions: readonly Submission[]): Submission[] {
  const seen = new Set<string>()
  return submissions.filter(({ use }) => {
    if (!use) return true
    const key = keyOf(use)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

async function store(db: Database, submissions: readonly Submission[]): Promise<Map<Submission, number[]>> {
  try {
    const counts = await storeSubmissions(db, submissions)
    return new Map(submissions.flatMap((one, index) => (counts[index] ? [[one, counts[index]]] : [])))
  } catch (error) {
    const state = sqlState(error)
    if (state === '23505') throw conflict('event_id_taken', 'An event with this event_id exists already.')
    if (state === '23514') throw unavailable('There is no partition for the day of this event.', 60, error)
    throw error
  }
}

function accepted({ answer }: Submission, counts: readonly number[]): Acceptance {
  const deliveries = counts.reduce((sum, count) => sum + count, 0)
  return { status: answer.status, body: fillAnswer(answer.body, counts), replayed: false, deliveries }
}

async function replay(db: Database, { use }: Submission): Promise<Acceptance | Error> {
  const stored = use ? await findAnswer(db, use) : null
  if (!use || !stored) return unavailable('The first request with this Idempotency-Key is still being answered.')
  if (!stored.bodySha256.equals(use.bodySha256)) {
    return new ApiError(422, 'idempotency_key_reused', 'This Idempotency-Key was used with another request body.')
  }
  return { status: stored.status, body: fillAnswer(stored.body, stored.deliveries), replayed: true, deliveries: 0 }
}
