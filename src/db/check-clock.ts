import type { Logger } from '../telemetry/log.ts'
import type { Sql } from './database.ts'

const TOLERATED_MS = 2_000

/**
 * What is due is decided by PostgreSQL's clock; ids, tokens and the times in signatures come from this process's. Receivers
 * refuse what is minutes off, so an operator is told when the two disagree.
 */
export async function checkClock(db: Sql, log: Logger): Promise<void> {
  const asked = Date.now()
  const [row] = await db.query<{ now: number }>({
    text: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  })
  const answered = Date.now()
  const now = row?.now ?? asked
  // It looked at its clock some time between the question and the answer.
  const behindMs = Math.round(now > answered ? now - answered : Math.min(now - asked, 0))
  if (Math.abs(behindMs) > TOLERATED_MS) {
    log.error({ behind_ms: behindMs }, "clock.skewed: this process's clock and PostgreSQL's differ")
  }
}
