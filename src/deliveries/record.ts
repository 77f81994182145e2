import type { Database } from '../db/database.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'

/** What one attempt came to. */
export interface AttemptResult {
  deliveryId: string
  attempt: number
  /** `aborted` counts nowhere: the process was asked to stop before the receiver answered. */
  status: 'success' | 'failed' | 'aborted'
  /** Milliseconds until the next attempt; null when this was the last one. */
  retryInMs: number | null
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

/** One statement: attempt, delivery, open work and counters change together or not at all. */
async function recordTogether(
  deps: { db: Database; worker: string },
  results: readonly AttemptResult[],
): Promise<boolean[]> {
  const rows = await deps.db.query<{ delivery_id: string; attempt: number }>({
    name: 'record-results',
    text: `
      WITH result AS (
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::float8[], $5::text[], $6::int[], $7::bytea[], $8::bytea[],
          $9::text[], $10::text[], $11::int[])
        AS given(delivery_id, attempt, status, retry_in_ms, request_headers, response_code, response_headers, response_body,
          error, error_message, duration_ms)
      ), ours AS (
        SELECT result.*, due.webhook_id, due.test FROM due JOIN result ON result.delivery_id = due.delivery_id
        WHERE due.delivery_id = ANY ($1) AND due.attempt = result.attempt AND due.worker = $12
        ORDER BY due.delivery_id FOR UPDATE OF due
      ), again AS (
        UPDATE due SET due_at = now() + make_interval(secs => ours.retry_in_ms / 1000), lease_until = NULL, fed_until = NULL,
          worker = NULL, unknowns = 0, max_attempts = due.max_attempts + (ours.status = 'aborted')::int
        FROM ours WHERE due.delivery_id = ANY ($1) AND due.delivery_id = ours.delivery_id AND ours.retry_in_ms IS NOT NULL
      ), over AS (
        DELETE FROM due USING ours
        WHERE due.delivery_id = ANY ($1) AND due.delivery_id = ours.delivery_id AND ours.retry_in_ms IS NULL
      ), logged AS (
        UPDATE attempts SET finished_at = now(), status = CASE WHEN ours.delivery_id IS NULL THEN 'superseded' ELSE result.status END,
          request_headers = result.request_headers, response_code = result.response_code,
          response_headers = result.response_headers, response_body = result.response_body,
          error = result.error, error_message = result.error_message, duration_ms = result.duration_ms
        FROM result LEFT JOIN ours ON ours.delivery_id = result.delivery_id AND ours.attempt = result.attempt
        WHERE attempts.delivery_id = ANY ($1) AND attempts.delivery_id = result.delivery_id
          AND attempts.attempt = result.attempt AND attempts.worker = $12 AND attempts.status IN ('started', 'unknown')
      ), shown AS (
        UPDATE deliveries SET attempt = ours.attempt,
          status = CASE WHEN ours.status = 'aborted' THEN deliveries.status
            WHEN ours.retry_in_ms IS NOT NULL THEN 'retrying' ELSE ours.status END,
          response_code = ours.response_code, response_body = ours.response_body, error = ours.error,
          error_message = ours.error_message, duration_ms = ours.duration_ms,
          delivered_at = CASE WHEN ours.status = 'success' THEN now() ELSE deliveries.delivered_at END
        FROM ours WHERE deliveries.id = ANY ($1) AND deliveries.id = ours.delivery_id
      ), total AS (
        SELECT webhook_id, count(*) AS deliveries, count(*) FILTER (WHERE status = 'success') AS successes,
          (array_agg(status ORDER BY delivery_id DESC))[1] AS last_status
        FROM ours WHERE retry_in_ms IS NULL AND NOT test GROUP BY webhook_id
      ), locked AS (
        SELECT webhook_id FROM webhook_stats WHERE webhook_id IN (SELECT webhook_id FROM total)
        ORDER BY webhook_id FOR UPDATE
      ), counted AS (
        UPDATE webhook_stats SET delivery_count = delivery_count + total.deliveries,
          success_count = success_count + total.successes,
          failure_count = failure_count + total.deliveries - total.successes,
          last_delivery_at = now(), last_delivery_status = total.last_status
        FROM total JOIN locked USING (webhook_id) WHERE webhook_stats.webhook_id = total.webhook_id
      )
      SELECT delivery_id, attempt FROM ours
      UNION ALL
      -- Recorded before, and the answer was lost.
      SELECT result.delivery_id, result.attempt FROM result JOIN attempts ON attempts.delivery_id = ANY ($1)
        AND attempts.delivery_id = result.delivery_id AND attempts.attempt = result.attempt
        AND attempts.worker = $12 AND attempts.status = result.status`,
    values: [
      results.map((result) => result.deliveryId),
      results.map((result) => result.attempt),
      results.map((result) => result.status),
      results.map((result) => result.retryInMs),
      results.map((result) => result.requestHeaders),
      results.map((result) => result.responseCode),
      results.map((result) => result.responseHeaders),
      results.map((result) => result.responseBody),
      results.map((result) => result.error),
      results.map((result) => result.errorMessage),
      results.map((result) => result.durationMs),
      deps.worker,
    ],
  })
  const recorded = new Set(rows.map((row) => `${row.delivery_id}~${row.attempt}`))
  return results.map((result) => recorded.has(`${result.deliveryId}~${result.attempt}`))
}
