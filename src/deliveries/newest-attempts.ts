import type { Sql } from '../db/database.ts'

/** How the attempts of the newest deliveries went, for a person who watches. Times are in milliseconds; null: none yet. */
export interface NewestAttempts {
  /** Of the last ten seconds. */
  perSecond: number
  sample: number
  succeeded: number
  failed: number
  p50: number | null
  p95: number | null
  p99: number | null
  /** From the acceptance of an event to the first attempt of its delivery. */
  delayP50: number | null
  delayP95: number | null
}

/** So many are looked at, from the end of the log backwards, which costs some milliseconds whatever its size. */
const SAMPLE = 5_000
const WINDOW_SECONDS = 10

export async function measureNewestAttempts(sql: Sql): Promise<NewestAttempts> {
  const [row] = await sql.query<NewestAttempts>({
    name: 'newest-attempts',
    text: `
      WITH newest AS (
        SELECT delivery_id, attempt, status, duration_ms, started_at FROM attempts
        ORDER BY delivery_id DESC, attempt DESC LIMIT $1
      ), timed AS (
        SELECT *, extract(epoch FROM started_at) * 1000
          - ('x' || left(replace(delivery_id::text, '-', ''), 12))::bit(48)::bigint AS delay
        FROM newest
      )
      SELECT
        (count(*) FILTER (WHERE started_at > now() - make_interval(secs => $2)) / $2)::float8 AS "perSecond",
        count(*)::int AS sample,
        (count(*) FILTER (WHERE status = 'success'))::int AS succeeded,
        (count(*) FILTER (WHERE status = 'failed'))::int AS failed,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY delay) FILTER (WHERE attempt = 1) AS "delayP50",
        percentile_cont(0.95) WITHIN GROUP (ORDER BY delay) FILTER (WHERE attempt = 1) AS "delayP95"
      FROM timed`,
    values: [SAMPLE, WINDOW_SECONDS],
  })
  if (!row) throw new Error('An aggregate has one row')
  return row
}
