import type { Database, Sql } from '../db/database.ts'
import { ApiError } from '../errors.ts'
import { openMissing } from './open-missing.ts'
import type { Recovery } from './recovery.ts'
import { reopenFailed } from './reopen-failed.ts'

/**
 * One round of a recovery: a bounded piece of work and the place it got to, in one transaction. A worker that ends in the
 * middle has done nothing; whoever is next goes on from the last commit. The row of the recovery is locked meanwhile, and
 * skipped by other workers, so rounds of one webhook never overlap.
 *
 * Recovered deliveries go through `due` like any others. So that millions of them do not flood it, a webhook has at most
 * `MOST_OPEN` open ones before a round leaves it in peace.
 */
export interface RoundOf {
  recovery: Recovery
  webhook: { max_attempts: number }
  /** How many deliveries may be opened. */
  most: number
}

export interface Round {
  /** The last id that is done. */
  reached: string
  recovered: number
  skipped: number
  /** Nothing is left of the span. */
  over: boolean
}

/** A few seconds' worth of a webhook's attempts. */
export const MOST_OPEN = 1_000
/** One round's statements take some 20 ms and hold their locks no longer. */
const MOST_AT_ONCE = 500
/** Between two rounds the row is free, so that whoever stops the recovery gets hold of it however many workers there are. */
export const REST_MS = 50
const FULL_PAUSE_MS = 500
/** Of errors that are not the database's absence: after so many in a row a recovery is given up. */
const MOST_FAILED_ROUNDS = 5
const FAILED_PAUSE_MS = 5_000

export type RoundResult = 'idle' | 'full' | { recovered: number }

/** Runs the round that has waited longest. @returns `idle` when there is none, `full` when its webhook has no room now */
export async function runRecoveryRound(deps: {
  db: Database
  onError: (error: unknown) => void
}): Promise<RoundResult> {
  let taken: Recovery | undefined
  try {
    return await deps.db.transaction(async (sql) => {
      taken = await takeRecovery(sql)
      return taken === undefined ? 'idle' : await goOn(sql, taken)
    })
  } catch (error) {
    const isAway = error instanceof ApiError && error.status === 503
    if (taken === undefined || isAway) throw error
    deps.onError(error)
    await noteFailure(deps.db, taken.id)
    return { recovered: 0 }
  }
}

async function takeRecovery(sql: Sql): Promise<Recovery | undefined> {
  const [recovery] = await sql.query<Recovery>({
    text: `SELECT * FROM recoveries WHERE status = 'running' AND next_round_at <= now()
           ORDER BY next_round_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
  })
  return recovery
}

async function goOn(sql: Sql, recovery: Recovery): Promise<RoundResult> {
  const [webhook] = await sql.query<{ max_attempts: number; open: number }>({
    text: `SELECT max_attempts, (SELECT count(*) FROM (SELECT 1 FROM due WHERE webhook_id = $1 LIMIT $2) AS rows) AS open
           FROM webhooks WHERE id = $1`,
    values: [recovery.webhook_id, MOST_OPEN],
  })
  if (!webhook) throw new Error(`Recovery ${recovery.id} runs without its webhook`)
  const most = Math.min(MOST_AT_ONCE, MOST_OPEN - webhook.open)
  if (most <= 0) {
    await sql.query({ text: `UPDATE recoveries SET ${NEXT_ROUND} WHERE id = $1`, values: [recovery.id, FULL_PAUSE_MS] })
    return 'full'
  }
  const round = await (recovery.recovers === 'failed' ? reopenFailed : openMissing)(sql, { recovery, webhook, most })
  await noteRound(sql, recovery.id, round)
  return { recovered: round.recovered }
}

/** From the end of this round on, not from the begin of its transaction. */
const NEXT_ROUND = 'next_round_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)'

async function noteRound(sql: Sql, id: string, round: Round): Promise<void> {
  await sql.query({
    text: `UPDATE recoveries SET ${NEXT_ROUND}, position = $3, recovered = recovered + $4, skipped = skipped + $5, failed_rounds = 0,
             updated_at = now(),
             status = CASE WHEN $6 THEN 'completed' ELSE status END, finished_at = CASE WHEN $6 THEN now() END
           WHERE id = $1`,
    values: [id, REST_MS, round.reached, round.recovered, round.skipped, round.over],
  })
}

async function noteFailure(db: Database, id: string): Promise<void> {
  await db.query({
    text: `UPDATE recoveries SET ${NEXT_ROUND}, failed_rounds = failed_rounds + 1, updated_at = now(),
             status = CASE WHEN failed_rounds + 1 >= $3 THEN 'failed' ELSE status END,
             finished_at = CASE WHEN failed_rounds + 1 >= $3 THEN now() END,
             reason = CASE WHEN failed_rounds + 1 >= $3 THEN 'It failed again and again at the same place; our log says how.' END
           WHERE id = $1 AND status = 'running'`,
    values: [id, FAILED_PAUSE_MS, MOST_FAILED_ROUNDS],
  })
}
