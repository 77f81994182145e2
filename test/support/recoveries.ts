import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Database } from '../../src/db/database.ts'
import type { Recoverable, Recovery } from '../../src/recoveries/recovery.ts'
import { type RoundResult, runRecoveryRound } from '../../src/recoveries/recovery-round.ts'
import { findRecovery } from '../../src/recoveries/recovery-store.ts'
import { startRecovery } from '../../src/recoveries/start-recovery.ts'
import { BY_TEST } from './author.ts'

const ANYBODY = { userId: '', seesAll: true }
export const HOUR_MS = 3_600_000
const PATIENCE_MS = 10_000

/** Starts a recovery of the last day, or of what is said, whose first round waits for nothing. */
export async function beginRecovery(
  db: Database,
  webhookId: string,
  recovers: Recoverable,
  span: { since?: Date; until?: Date } = {},
): Promise<string> {
  const wanted = { recovers, since: new Date(Date.now() - 24 * HOUR_MS), ...span }
  const { id } = await startRecovery(
    { db, retentionDays: 30, now: () => new Date() },
    ANYBODY,
    BY_TEST,
    webhookId,
    wanted,
  )
  await db.query({ text: 'UPDATE recoveries SET next_round_at = now() WHERE id = $1', values: [id] })
  return id
}

export function oneRound(db: Database): Promise<RoundResult> {
  return runRecoveryRound({
    db,
    onError: (error) => {
      throw error
    },
  })
}

/** The next round of any recovery, when one is not resting any more. */
export async function nextRound(db: Database): Promise<RoundResult> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await setTimeout(5)) {
    const result = await oneRound(db)
    if (result !== 'idle') return result
  }
  throw new Error('No recovery has a round to run')
}

/** Runs rounds until no recovery is running. What is full is made room for by forgetting the open work. */
export async function runToTheEnd(db: Database): Promise<void> {
  while ((await db.query({ text: "SELECT 1 FROM recoveries WHERE status = 'running'" })).length > 0) {
    if ((await oneRound(db)) === 'full') await db.query({ text: 'DELETE FROM due' })
    await db.query({ text: "UPDATE recoveries SET next_round_at = now() WHERE status = 'running'" })
  }
}

export async function readRecovery(db: Database, id: string): Promise<Recovery> {
  return (await findRecovery(db, ANYBODY, id)) ?? assert.fail(`There is no recovery ${id}`)
}

/** Stores deliveries that are over, without their events, from so many hours ago to now. @returns their ids in order */
export async function storeClosed(
  db: Database,
  webhookId: string,
  deliveries: { status: string; count?: number; hoursAgo?: number; attempts?: number; test?: boolean },
): Promise<string[]> {
  const { status, count = 1, hoursAgo = 1, attempts = 3, test = false } = deliveries
  const rows = await db.query<{ id: string }>({
    text: `
      WITH closed AS (
        INSERT INTO deliveries (id, webhook_id, event_id, event_type, user_id, status, attempt, max_attempts, test)
        SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000 - $3 + number)::bigint), 12, '0')
            || substr(replace(uuid_v7()::text, '-', ''), 13))::uuid,
          $1, uuid_v7(), 'prediction_complete', 'alice', $2, $5::int, $5::int, $6
        FROM generate_series(1, $4::int) AS number RETURNING id, status, test
      ), logged AS (
        INSERT INTO attempts (delivery_id, attempt, status, worker)
        SELECT id, attempt, 'failed', 'gone' FROM closed, generate_series(1, $5::int) AS attempt
      ), counted AS (
        UPDATE webhook_stats SET delivery_count = delivery_count + counts, success_count = success_count + successes,
          failure_count = failure_count + counts - successes
        FROM (SELECT count(*) AS counts, count(*) FILTER (WHERE status = 'success') AS successes
              FROM closed WHERE status <> 'canceled' AND NOT test) AS total
        WHERE webhook_id = $1
      )
      SELECT id FROM closed ORDER BY id`,
    values: [webhookId, status, hoursAgo * HOUR_MS, count, attempts, test],
  })
  return rows.map((row) => row.id)
}

/** The webhook's `[delivery_count, success_count, failure_count]`. */
export async function countersOf(db: Database, webhookId: string): Promise<number[]> {
  const [row] = await db.query<{ counters: number[] }>({
    text: 'SELECT ARRAY[delivery_count, success_count, failure_count]::int[] AS counters FROM webhook_stats WHERE webhook_id = $1',
    values: [webhookId],
  })
  return row?.counters ?? []
}

/** The events that a webhook has deliveries of, one entry a delivery, in order. */
export async function eventsOf(db: Database, webhookId: string): Promise<string[]> {
  const rows = await db.query<{ event_id: string }>({
    text: 'SELECT event_id FROM deliveries WHERE webhook_id = $1 ORDER BY event_id',
    values: [webhookId],
  })
  return rows.map((row) => row.event_id)
}
