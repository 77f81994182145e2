import type { Database, Sql } from '../db/database.ts'
import type { Breaker } from './breaker.ts'
import type { WebhookLane } from './lane.ts'
import { afterFinding, type Finding, type HealthRules, isWell, type WebhookHealth } from './webhook-health.ts'

/** What was found of a webhook, each so many milliseconds ago. */
export type AgedFinding = Omit<Finding, 'at'> & { ageMs: number }

/**
 * Brings the health of some webhooks up to date with what was found of them, one transaction for all. Rows are locked in the
 * order of their ids, so that workers wait for each other instead of deadlocking, and times are the database's own.
 */
export async function applyFindings(
  deps: { db: Database; rules: HealthRules; random: () => number },
  findings: ReadonlyMap<string, readonly AgedFinding[]>,
): Promise<void> {
  const ids = [...findings.keys()].sort()
  await deps.db.transaction(async (sql) => {
    const rows = await lockHealth(sql, ids)
    const changed = rows.map((row) => {
      const health = (findings.get(row.webhook_id) ?? []).reduce(
        (health, { ageMs, ...finding }) =>
          afterFinding(deps.rules, health, { ...finding, at: row.now - ageMs }, deps.random()),
        toHealth(row),
      )
      return { id: row.webhook_id, health, well: isWell(deps.rules, health, row.now) }
    })
    await saveHealth(
      sql,
      changed.filter(({ well }) => !well),
    )
    await forgetHealth(
      sql,
      changed.filter(({ well }) => well).map(({ id }) => id),
    )
  })
}

export interface KnownHealth {
  webhook_id: string
  breaker: Breaker['state']
  lane: WebhookLane
}

/** The webhooks with which something is wrong. */
export async function listHealth(sql: Sql): Promise<KnownHealth[]> {
  return sql.query<KnownHealth>({ name: 'health-list', text: 'SELECT webhook_id, breaker, lane FROM webhook_health' })
}

/** Begins anew: its owner changed something, so what was found says nothing any more. */
export async function forgetHealth(sql: Sql, webhookIds: readonly string[]): Promise<void> {
  if (webhookIds.length === 0) return
  await sql.query({ text: 'DELETE FROM webhook_health WHERE webhook_id = ANY ($1)', values: [webhookIds] })
}

/** What is kept of webhooks that are gone, and of those that have been quiet since they were closed. */
export async function forgetStaleHealth(sql: Sql): Promise<void> {
  await sql.query({
    text: `DELETE FROM webhook_health WHERE webhook_id IN (
             SELECT webhook_id FROM webhook_health
             WHERE (breaker = 'closed' AND lane = 'quick' AND updated_at < now() - interval '10 minutes')
               OR NOT EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = webhook_health.webhook_id)
             ORDER BY webhook_id FOR UPDATE SKIP LOCKED)`,
  })
}

interface HealthRow {
  webhook_id: string
  breaker: Breaker['state']
  probe_at: number | null
  ramp_limit: number | null
  ramp_successes: number | null
  outcomes: [at: number, failed: boolean][]
  lane: WebhookLane
  durations: string
  /** Unix milliseconds, as all times here. */
  now: number
}

async function lockHealth(sql: Sql, ids: readonly string[]): Promise<HealthRow[]> {
  await sql.query({
    text: `INSERT INTO webhook_health (webhook_id) SELECT id FROM unnest($1::uuid[]) WITH ORDINALITY AS given(id, place)
           WHERE EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = given.id) ORDER BY place ON CONFLICT DO NOTHING`,
    values: [ids],
  })
  return sql.query<HealthRow>({
    text: `SELECT webhook_id, breaker, ramp_limit, ramp_successes, outcomes, lane, durations,
             (extract(epoch FROM probe_at) * 1000)::float8 AS probe_at,
             (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
           FROM webhook_health WHERE webhook_id = ANY ($1) ORDER BY webhook_id FOR UPDATE`,
    values: [ids],
  })
}

function toHealth(row: HealthRow): WebhookHealth {
  return { breaker: toBreaker(row), durations: row.durations, lane: row.lane }
}

function toBreaker(row: HealthRow): Breaker {
  switch (row.breaker) {
    case 'closed':
      return { state: 'closed', outcomes: row.outcomes.map(([at, failed]) => ({ at, failed })) }
    case 'open':
    case 'probing':
      return { state: row.breaker, probeAt: row.probe_at ?? row.now }
    case 'ramping':
      return { state: 'ramping', limit: row.ramp_limit ?? 1, successes: row.ramp_successes ?? 0 }
    default:
      return row.breaker satisfies never
  }
}

async function saveHealth(sql: Sql, changed: readonly { id: string; health: WebhookHealth }[]): Promise<void> {
  if (changed.length === 0) return
  const column = <T>(of: (health: WebhookHealth) => T) => changed.map(({ health }) => of(health))
  await sql.query({
    text: `UPDATE webhook_health SET breaker = given.breaker, probe_at = to_timestamp(given.probe_at / 1000),
             ramp_limit = given.ramp_limit, ramp_successes = given.ramp_successes, outcomes = given.outcomes::jsonb,
             lane = given.lane, durations = given.durations, updated_at = now()
           FROM unnest($1::uuid[], $2::text[], $3::float8[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[])
             AS given(id, breaker, probe_at, ramp_limit, ramp_successes, outcomes, lane, durations)
           WHERE webhook_id = given.id`,
    values: [
      changed.map(({ id }) => id),
      column(({ breaker }) => breaker.state),
      column(({ breaker }) => ('probeAt' in breaker ? breaker.probeAt : null)),
      column(({ breaker }) => (breaker.state === 'ramping' ? breaker.limit : null)),
      column(({ breaker }) => (breaker.state === 'ramping' ? breaker.successes : null)),
      column(({ breaker }) =>
        JSON.stringify(breaker.state === 'closed' ? breaker.outcomes.map(({ at, failed }) => [at, failed]) : []),
      ),
      column(({ lane }) => lane),
      column(({ durations }) => durations),
    ],
  })
}
