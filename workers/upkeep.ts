import { forgetOldEntries } from '../src/audit/forget-entries.ts'
import type { Database } from '../src/db/database.ts'
import { makePartitions } from '../src/db/partitions.ts'
import { measureOpenWork } from '../src/deliveries/open-work.ts'
import { forgetOldKeys } from '../src/idempotency/idempotency-keys.ts'
import { type Loop, startLoop } from '../src/loop.ts'
import { forgetOldRecoveries } from '../src/recoveries/end-recoveries.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'

export interface UpkeepDeps {
  db: Database
  metrics: Pick<DeliveryMetrics, 'oldestDue' | 'openDeliveries'>
  retentionDays: number
  auditRetentionDays: number
  now: () => Date
  onError: (error: unknown) => void
}

const EVERY_MS = 10_000
const HOUR_MS = 3_600_000
/** Bounds what one round deletes to some milliseconds. */
const MOST_DELETED = 1_000

/** Partitions ahead of their day, what is over and forgotten, and the gauges of the open work. Safe in several processes. */
export function startUpkeep(deps: UpkeepDeps): Loop {
  let partitionsMadeAt = 0
  return startLoop({
    everyMs: EVERY_MS,
    onError: deps.onError,
    runOnce: async () => {
      const now = deps.now()
      if (now.getTime() - partitionsMadeAt > HOUR_MS) {
        await deps.db.transaction((sql) => makePartitions(sql, now))
        partitionsMadeAt = now.getTime()
      }
      const work = await measureOpenWork(deps.db)
      deps.metrics.oldestDue(work.oldestSeconds)
      deps.metrics.openDeliveries(work.open)
      const tickets = await forgetOldTickets(deps.db)
      const keys = await forgetOldKeys(deps.db, MOST_DELETED)
      const recoveries = await forgetOldRecoveries(deps.db, deps.retentionDays, MOST_DELETED)
      const entries = await forgetOldEntries(deps.db, deps.auditRetentionDays, now, MOST_DELETED)
      return [tickets, keys, recoveries, entries].includes(MOST_DELETED)
    },
  })
}

async function forgetOldTickets(db: Database): Promise<number> {
  const rows = await db.query({
    text: `DELETE FROM tickets WHERE sha256 IN
             (SELECT sha256 FROM tickets WHERE expires_at < now() ORDER BY expires_at LIMIT $1) RETURNING 1`,
    values: [MOST_DELETED],
  })
  return rows.length
}
