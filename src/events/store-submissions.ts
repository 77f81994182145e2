import { plainArray, textArray } from '../db/array-text.ts'
import type { Sql } from '../db/database.ts'
import { type KeyUse, keyOf } from '../idempotency/idempotency-keys.ts'
import { SUBSCRIBES } from '../webhooks/subscribes.ts'
import type { NewEvent } from './new-event.ts'

/** What one request submits: events and, when it is to be answered once only, the use of its key. */
export interface Submission {
  events: readonly NewEvent[]
  /** Present when the caller sent an `Idempotency-Key`. */
  use?: KeyUse
  /** The answer with a hole for the number of deliveries of each event, in their order. */
  answer: AnswerTemplate
}

export interface AnswerTemplate {
  status: number
  /** JSON text with `HOLE` where a number goes. */
  body: string
}

/** JSON text never holds this character unescaped. */
export const HOLE = '\x01'

export function fillAnswer(body: string, numbers: readonly number[]): string {
  let next = 0
  return body.replaceAll(HOLE, () => String(numbers[next++] ?? 0))
}

/**
 * Stores what nobody has submitted before: the idempotency rows with their answers, the events, one delivery for every active
 * webhook that subscribes to each, the open work of those deliveries and the owed announcements. One statement, so that all
 * of it is committed in one round trip or nothing is.
 *
 * A key that another transaction is taking right now is waited for (at most its `lock_timeout`), so what is not stored here
 * has its answer stored. Keys are sorted, since unsorted batches deadlock on each other. The OFFSET keeps the planner, which may
 * know the webhooks as a small table, from reading all of them.
 * @param submissions no two of them under one key
 * @returns for each what is owed per event, or null when its key was taken
 */
export async function storeSubmissions(
  sql: Sql,
  submissions: readonly Pick<Submission, 'events' | 'use' | 'answer'>[],
): Promise<(number[] | null)[]> {
  const events = submissions.flatMap((one) => one.events)
  const numbers = submissions.flatMap((one, number) => one.events.map(() => number))
  const uses = submissions
    .flatMap(({ use, answer }, number) => (use ? [{ use, answer, number, sortedBy: keyOf(use) }] : []))
    .sort((a, b) => (a.sortedBy < b.sortedBy ? -1 : 1))
  const traced = events.some((event) => event.traceparent !== undefined)
  const keyless = submissions.flatMap(({ use }, number) => (use ? [] : [number]))
  const rows = await sql.query<{ number: number; deliveries: string }>({
    name: traced ? 'submissions-store-traced' : 'submissions-store',
    text: traced ? STORE_TRACED : STORE,
    values: [
      plainArray(events.map((event) => event.id)),
      textArray(events.map((event) => event.type)),
      textArray(events.map((event) => event.symbol)),
      textArray(events.map((event) => event.userId)),
      events.map((event) => event.canonical).join(BETWEEN),
      plainArray(events.map((event) => event.timestamp)),
      textArray(events.map((event) => event.publishedBy)),
      plainArray(events.map((event) => event.streamed)),
      plainArray(numbers),
      plainArray(uses.map(({ number }) => number)),
      textArray(uses.map(({ use }) => use.principal)),
      textArray(uses.map(({ use }) => use.route)),
      textArray(uses.map(({ use }) => use.key)),
      textArray(uses.map(({ use }) => `\\x${use.bodySha256.toString('hex')}`)),
      plainArray(uses.map(({ answer }) => answer.status)),
      uses.map(({ answer }) => answer.body).join(BETWEEN),
      plainArray(keyless),
      ...(traced ? [textArray(events.map((event) => event.traceparent ?? null))] : []),
    ],
  })
  const stored = new Map(rows.map((row) => [row.number, row.deliveries.split(',').map(Number)]))
  return submissions.map((_, number) => stored.get(number) ?? null)
}

/** Between JSON texts, which hold no such character unescaped: to escape their quotes for an array would cost more. */
const BETWEEN = '\x1f'

/**
 * Whether a row is of a submission that nobody has made before. As a join the planner, which expects few rows, would compare
 * every row of one with every row of the other; a CASE is kept from becoming one and looks each up in a hash.
 */
const IS_FRESH = 'CASE WHEN number IN (SELECT number FROM fresh) THEN true END'

const STORE = storing(false)
const STORE_TRACED = storing(true)

function storing(traced: boolean): string {
  const trace = traced ? { given: ', $18::text[]', column: ', traceparent' } : { given: '', column: '' }
  return `
  WITH event AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], string_to_array($5, E'\\x1f'), $6::timestamptz[], $7::text[],
        $8::boolean[], $9::int[]${trace.given}) WITH ORDINALITY
      AS given(id, event_type, symbol, user_id, canonical, "timestamp", published_by, streamed, number${trace.column}, place)
  ), owed AS MATERIALIZED (
    SELECT uuid_v7() AS id, event.number, event.place, event.id AS event_id, event.event_type,
      webhook.id AS webhook_id, webhook.user_id, webhook.max_attempts
    FROM event JOIN webhook_events wanted ON wanted.event_type = ANY (ARRAY[event.event_type, '*'])
    CROSS JOIN LATERAL (SELECT * FROM webhooks webhook WHERE id = wanted.webhook_id AND active AND ${SUBSCRIBES} OFFSET 0) webhook
  ), per_event AS (
    SELECT event.number, event.place, count(owed.id)::int AS deliveries
    FROM event LEFT JOIN owed ON owed.place = event.place GROUP BY event.number, event.place
  ), answer AS (
    SELECT number, array_agg(deliveries ORDER BY place) AS deliveries FROM per_event GROUP BY number
  ), taken AS (
    INSERT INTO idempotency_keys (principal, route, key, body_sha256, response_status, response_body, deliveries)
    SELECT used.principal, used.route, used.key, used.sha, used.status, used.body, answer.deliveries
    FROM unnest($10::int[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::int[], string_to_array($16, E'\\x1f')) WITH ORDINALITY
      AS used(number, principal, route, key, sha, status, body, place)
    JOIN answer ON answer.number = used.number ORDER BY used.place
    ON CONFLICT DO NOTHING RETURNING principal, route, key
  ), fresh AS MATERIALIZED (
    SELECT unnest($17::int[]) AS number
    UNION ALL
    SELECT used.number FROM taken
    JOIN unnest($10::int[], $11::text[], $12::text[], $13::text[]) AS used(number, principal, route, key)
      USING (principal, route, key)
  ), stored AS (
    INSERT INTO events (id, event_type, symbol, user_id, canonical, "timestamp", published_by${trace.column})
    SELECT id, event_type, symbol, user_id, canonical, "timestamp", published_by${trace.column} FROM event WHERE ${IS_FRESH}
  ), announced AS (
    INSERT INTO announcements (event_id) SELECT id FROM event WHERE streamed AND ${IS_FRESH}
  ), opened AS (
    INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, max_attempts)
    SELECT id, webhook_id, event_id, event_type, user_id, max_attempts FROM owed WHERE ${IS_FRESH}
  ), queued AS (
    INSERT INTO due (delivery_id, webhook_id, event_id, max_attempts)
    SELECT id, webhook_id, event_id, max_attempts FROM owed WHERE ${IS_FRESH}
  )
  SELECT number, array_to_string(deliveries, ',') AS deliveries FROM answer WHERE ${IS_FRESH}`
}
