import type { Logger } from '../telemetry/log.ts'
import type { Sql } from './database.ts'

export const TOLERATED_MS = 2_000

/**
 * What is due is decided by PostgreSQL's clock; ids, tokens and the times in signatures come from this process's. Receivers
 * refuse what is minutes off, so an operator is told when the two disagree.
 */
export async function checkClock(db: Sql, log: Logger): Promise<void> {
  const behindMs = await clockBehind(() => askClock(db))
  if (Math.abs(behindMs) > TOLERATED_MS) {
    log.error({ behind_ms: behindMs }, "clock.skewed: this process's clock and PostgreSQL's differ")
  }
}

export async function askClock(db: Sql): Promise<number> {
  const [row] = await db.query<{ now: number }>({
    text: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  })
  return row?.now ?? Date.now()
}

/** By how many milliseconds this process's clock is behind the one that `ask` reads; below zero it is ahead. */
export async function clockBehind(ask: () => Promise<number>): Promise<number> {
  const asked = Date.now()
  const now = await ask()
  const answered = Date.now()
  // It looked at its clock some time between the question and the answer.
  return Math.round(now > answered ? now - answered : Math.min(now - asked, 0))
}
