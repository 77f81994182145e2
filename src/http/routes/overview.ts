import type { Registry } from 'prom-client'
import type { Database } from '../../db/database.ts'
import { listHealth } from '../../deliveries/health-store.ts'
import { LANES, type Lane } from '../../deliveries/lane.ts'
import { measureNewestAttempts } from '../../deliveries/newest-attempts.ts'
import { measureOpenWork } from '../../deliveries/open-work.ts'
import { uuidv7 } from '../../ids.ts'
import { totalOf } from '../../telemetry/read-metrics.ts'
import { type Route, route } from '../route.ts'

export interface OverviewDeps {
  db: Database
  registry: Registry
  /** Jobs that wait in the queue of a lane. */
  waiting: (lane: Lane) => Promise<number>
}

/** What an operator looks at: the numbers of `/metrics` that tell how the whole system is, for people without Prometheus. */
export function overviewRoutes(deps: OverviewDeps): Route[] {
  const process = { id: uuidv7(), started_at: new Date().toISOString() }
  return [
    route({
      method: 'get',
      path: '/api/v1/admin/overview',
      summary:
        'How the system is: open work, lanes, breakers and latencies of all processes; sockets and totals of the one that answers.',
      permission: 'overview:read',
      async handle() {
        const [work, attempts, health, lanes, totals] = await Promise.all([
          measureOpenWork(deps.db),
          measureNewestAttempts(deps.db),
          listHealth(deps.db),
          Promise.all(LANES.map(async (lane) => [lane, await deps.waiting(lane).catch(() => null)] as const)),
          totalsOf(deps.registry),
        ])
        const inState = (state: string) => health.filter(({ breaker }) => breaker === state).length
        return {
          timestamp: new Date().toISOString(),
          open_deliveries: work.open,
          oldest_due_seconds: Math.max(0, work.oldestSeconds),
          lanes_waiting: Object.fromEntries(lanes),
          breakers: { open: inState('open'), probing: inState('probing'), ramping: inState('ramping') },
          slow_webhooks: health.filter(({ lane }) => lane === 'slow').length,
          attempts: {
            per_second: attempts.perSecond,
            sample: attempts.sample,
            succeeded: attempts.succeeded,
            failed: attempts.failed,
            p50_ms: rounded(attempts.p50),
            p95_ms: rounded(attempts.p95),
            p99_ms: rounded(attempts.p99),
            first_delay_p50_ms: rounded(attempts.delayP50),
            first_delay_p95_ms: rounded(attempts.delayP95),
          },
          process: { ...process, ...totals },
        }
      },
    }),
  ]
}

async function totalsOf(registry: Registry) {
  const [sockets, streams, events, deliveries, messages, requests] = await Promise.all([
    totalOf(registry, 'ara_sockets'),
    totalOf(registry, 'ara_streams'),
    totalOf(registry, 'ara_events_accepted_total'),
    totalOf(registry, 'ara_deliveries_opened_total'),
    totalOf(registry, 'ara_stream_messages_total'),
    totalOf(registry, 'ara_http_request_duration_seconds', '_count'),
  ])
  return { sockets, streams, events, deliveries, messages, requests }
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.max(0, Math.round(ms * 10) / 10)
}
