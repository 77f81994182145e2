import type { Database } from '../db/database.ts'
import { idRange } from '../db/id-bounds.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'
import { inEachDay, partitionName } from '../db/partitions.ts'

/** What one attempt came to. */
export interface AttemptResult {
  deliveryId: string
  attempt: number
  /** `aborted` counts nowhere: the process was asked to stop before the receiver answered. */
  status: 'success' | 'failed' | 'aborted'
  /** Milliseconds until the next attempt; null when this was the last one. */
  retryInMs: number | null
  /** JSON. */
  requestHeaders: string
  responseCode: number | null
  responseHeaders: Buffer | null
  responseBody: Buffer | null
  error: string | null
  errorMessage: string | null
  durationMs: number
}

/** False when the delivery had moved on without this attempt, which is then `superseded` in the log. */
export type RecordAttempt = MicroBatch<AttemptResult, boolean>

export function createRecord(deps: { db: Database; worker: string; onBatch?: (size: number) => void }): RecordAttempt {
  return microBatch<AttemptResult, boolean>({
    run: (results) => recordTogether(deps, results),
    windowMs: 2,
    maxSize: 300,
    maxAtOnce: 1,
    ...(deps.onBatch ? { onBatch: deps.onBatch } : {}),
  })
}

async function recordTogether(
  deps: { db: Database; worker: string },
  results: readonly AttemptResult[],
): Promise<boolean[]> {
  const ours = await inEachDay(results, byDelivery, (day, ofDay) => recordDay(deps, day, ofDay))
  const recorded = new Set(ours.map(nameOf))
  const rest = results.filter((result) => !recorded.has(`${result.deliveryId}~${result.attempt}`))
  if (rest.length > 0) for (const row of await findRecorded(deps, rest)) recorded.add(nameOf(row))
  return results.map((result) => recorded.has(`${result.deliveryId}~${result.attempt}`))
}

const byDelivery = (result: AttemptResult) => result.deliveryId

function recordDay(
  { db, worker }: { db: Database; worker: string },
  day: number,
  results: readonly AttemptResult[],
): Promise<Recorded[]> {
  return db.query<Recorded>({
    name: `record-results-${day}`,
    text: recordIn(partitionName('attempts', day), partitionName('deliveries', day)),
    values: [
      results.map((result) => result.deliveryId),
      results.map((result) => result.attempt),
      results.map((result) => result.status),
      results.map((result) => result.retryInMs),
      arrayOfJson(results.map((result) => result.requestHeaders)),
      results.map((result) => result.responseCode),
      results.map((result) => result.responseHeaders),
      results.map((result) => result.responseBody),
      results.map((result) => result.error),
      results.map((result) => result.errorMessage),
      results.map((result) => result.durationMs),
      worker,
    ],
  })
}

/**
 * Half of a record's bytes. Its quotes are escaped in an array as in JSON, and it holds no control characters, so what is fast
 * does: the driver takes two regular expressions for each value.
 */
function arrayOfJson(texts: readonly string[]): string {
  return `{${texts.map((text) => JSON.stringify(text)).join(',')}}`
}

interface Recorded {
  delivery_id: string
  attempt: number
}

function nameOf(row: Recorded): string {
  return `${row.delivery_id}~${row.attempt}`
}

/** Those that were recorded before, by a statement whose answer was lost. */
function findRecorded(deps: { db: Database; worker: string }, results: readonly AttemptResult[]): Promise<Recorded[]> {
  const ids = results.map((result) => result.deliveryId)
  return deps.db.query<Recorded>({
    text: `
      SELECT attempts.delivery_id, attempts.attempt FROM attempts
      JOIN unnest($1::uuid[], $2::int[], $3::text[]) AS result(delivery_id, attempt, status)
        ON attempts.delivery_id = result.delivery_id AND attempts.attempt = result.attempt
      WHERE attempts.delivery_id BETWEEN $5 AND $6 AND attempts.worker = $4 AND attempts.status = result.status`,
    values: [
      ids,
      results.map((result) => result.attempt),
      results.map((result) => result.status),
      deps.worker,
      ...idRange(ids),
    ],
  })
}

/**
 * One statement: attempt, delivery, open work and counters change together or not at all. The table of a day may hold millions
 * of others, so each attempt must be looked up by its key: what is true of every row of `final` lets the planner expect one,
 * for which the key is the shorter way.
 */
const recordIn = (attempts: string, deliveries: string): string => `
  WITH result AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::float8[], $5::text[], $6::int[], $7::bytea[], $8::bytea[],
      $9::text[], $10::text[], $11::int[])
    AS given(delivery_id, attempt, status, retry_in_ms, request_headers, response_code, response_headers, response_body,
      error, error_message, duration_ms)
  ), ours AS (
    SELECT result.*, due.webhook_id, due.test, due.opened_at FROM result JOIN due ON due.delivery_id = result.delivery_id
    WHERE due.attempt = result.attempt AND due.worker = $12
    ORDER BY due.delivery_id FOR UPDATE OF due
  ), again AS (
    UPDATE due SET due_at = now() + make_interval(secs => ours.retry_in_ms / 1000), lease_until = NULL, fed_until = NULL,
      worker = NULL, unknowns = 0, max_attempts = due.max_attempts + (ours.status = 'aborted')::int,
      urgent = due.urgent AND ours.status = 'aborted'
    FROM ours WHERE due.delivery_id = ours.delivery_id AND ours.retry_in_ms IS NOT NULL
  ), over AS (
    DELETE FROM due USING ours WHERE due.delivery_id = ours.delivery_id AND ours.retry_in_ms IS NULL
  ), final AS MATERIALIZED (
    SELECT result.*, CASE WHEN delivery_id IN (SELECT delivery_id FROM ours) THEN status ELSE 'superseded' END AS final_status
    FROM result WHERE coalesce(delivery_id) = delivery_id
  ), logged AS (
    UPDATE "${attempts}" AS made SET finished_at = now(), status = final.final_status,
      request_headers = final.request_headers, response_code = final.response_code,
      response_headers = final.response_headers, response_body = final.response_body,
      error = final.error, error_message = final.error_message, duration_ms = final.duration_ms
    FROM final WHERE made.delivery_id = final.delivery_id AND made.attempt = final.attempt AND made.worker = $12
      AND made.status IN ('started', 'unknown')
  ), shown AS (
    UPDATE "${deliveries}" AS delivery SET attempt = ours.attempt,
      status = CASE WHEN ours.status = 'aborted' THEN delivery.status
        WHEN ours.retry_in_ms IS NOT NULL THEN 'retrying' ELSE ours.status END,
      response_code = ours.response_code, response_body = ours.response_body, error = ours.error,
      error_message = ours.error_message, duration_ms = ours.duration_ms,
      delivered_at = CASE WHEN ours.status = 'success' THEN now() ELSE delivery.delivered_at END
    FROM ours WHERE delivery.id = ours.delivery_id
  ), total AS (
    SELECT webhook_id, count(*) AS deliveries, count(*) FILTER (WHERE status = 'success') AS successes,
      (array_agg(status ORDER BY delivery_id DESC))[1] AS last_status,
      min(opened_at) AS opened_at, count(*) FILTER (WHERE response_code = 410) > 0 AS gone
    FROM ours WHERE retry_in_ms IS NULL AND NOT test GROUP BY webhook_id
  ), locked AS (
    SELECT webhook_id FROM webhook_stats WHERE webhook_id IN (SELECT webhook_id FROM total)
    ORDER BY webhook_id FOR UPDATE
  ), counted AS (
    UPDATE webhook_stats SET delivery_count = delivery_count + total.deliveries,
      success_count = success_count + total.successes,
      failure_count = failure_count + total.deliveries - total.successes,
      last_delivery_at = now(), last_delivery_status = total.last_status,
      exhausted_in_row = CASE WHEN successes = 0 THEN exhausted_in_row + total.deliveries ELSE 0 END,
      failing_since = CASE WHEN successes = 0 THEN coalesce(failing_since, greatest(opened_at, last_delivery_at)) END,
      gone = webhook_stats.gone OR total.gone
    FROM total JOIN locked USING (webhook_id) WHERE webhook_stats.webhook_id = total.webhook_id
  )
  SELECT delivery_id, attempt FROM ours`
