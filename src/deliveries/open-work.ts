import type { Database } from '../db/database.ts'
import { FEEDABLE, WEBHOOKS_WITH_WORK } from './feed-limits.ts'
import type { Lane } from './lane.ts'
import { SUSPECT } from './poison.ts'

/**
 * The lanes with deliveries that have been due for a while and could be attempted right now: they passed every limit and wait for a
 * worker, or would pass. What breaker, cap or lease hold back is none of them.
 */
export async function lanesWithOpenWork(
  db: Database,
  limits: { perWebhook: number; owedSeconds: number },
): Promise<Lane[]> {
  const rows = await db.query<{ lane: Lane }>({
    name: 'open-work-lanes',
    text: `
      WITH RECURSIVE gate AS (SELECT true AS mine), ${WEBHOOKS_WITH_WORK}, ${FEEDABLE}, owed AS (
        SELECT lane, due_at FROM ripe
        UNION ALL
        SELECT CASE WHEN ${SUSPECT} THEN 'alone' ELSE coalesce(health.lane, 'quick') END, due_at
        FROM due LEFT JOIN webhook_health health USING (webhook_id)
        WHERE in_hand AND coalesce(lease_until, '-infinity') < now()
      )
      SELECT DISTINCT lane FROM owed WHERE due_at < now() - make_interval(secs => $2::float8)`,
    values: [limits.perWebhook, limits.owedSeconds],
  })
  return rows.map((row) => row.lane)
}

export interface OpenWork {
  open: number
  /** Seconds for which the oldest due delivery has been due; 0 when none is. */
  oldestSeconds: number
}

/** Counting stops here; above it the planner's estimate is good enough. */
const COUNTED_EXACTLY = 10_000

export async function measureOpenWork(db: Database): Promise<OpenWork> {
  const [row] = await db.query<{ counted: number; estimated: number; oldest: number | null }>({
    text: `
      WITH RECURSIVE gate AS (SELECT true AS mine), ${WEBHOOKS_WITH_WORK}
      SELECT (SELECT count(*) FROM (SELECT 1 FROM due LIMIT $1) AS open_rows) AS counted,
        (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'due'::regclass) AS estimated,
        (SELECT extract(epoch FROM now() - min(first.due_at))::float8 FROM webhook CROSS JOIN LATERAL (
          SELECT due_at FROM due WHERE due.webhook_id = webhook.webhook_id AND due_at <= now() ORDER BY due_at LIMIT 1
        ) AS first) AS oldest`,
    values: [COUNTED_EXACTLY],
  })
  if (!row) return { open: 0, oldestSeconds: 0 }
  return { open: row.counted < COUNTED_EXACTLY ? row.counted : row.estimated, oldestSeconds: row.oldest ?? 0 }
}
