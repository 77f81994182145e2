import type { Author } from '../audit/author.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Database } from '../db/database.ts'
import { lowestIdAt } from '../db/id-bounds.ts'
import { DAY_MS, startOfRetention } from '../db/partitions.ts'
import { ApiError, conflict, invalid, notFound } from '../errors.ts'
import { publicId, uuidv7 } from '../ids.ts'
import { lockWebhook, type Owner } from '../webhooks/webhook-store.ts'
import type { Recoverable, Recovery } from './recovery.ts'
import { findRecovery, insertRecovery } from './recovery-store.ts'

export interface WantedRecovery {
  recovers: Recoverable
  since: Date
  until?: Date | undefined
}

/**
 * An acceptance that began before the webhook was activated owes it nothing and may still be on its way to its commit. No
 * statement runs longer than five seconds, so those that begin to look for what is missing after six see all of them.
 */
const SETTLE_MS = 6_000

/**
 * Stores a recovery; a worker takes it from there. Its span ends now at the latest and begins with the days that are kept.
 * @throws ApiError 404; 409 while the webhook is off or has a running recovery; 422 for a span that holds no time
 */
export async function startRecovery(
  deps: { db: Database; retentionDays: number; now: () => Date },
  owner: Owner,
  by: Author,
  webhookId: string,
  wanted: WantedRecovery,
): Promise<Recovery> {
  const now = deps.now()
  const span = keptSpan(wanted, now, oldestReachable(wanted.recovers, now, deps.retentionDays))
  const id = uuidv7(now.getTime())
  return deps.db.transaction(async (sql) => {
    const webhook = await lockWebhook(sql, owner, webhookId)
    if (!webhook) throw notFound('webhook')
    if (!webhook.active) throw conflict('webhook_inactive', 'The webhook is not active; activate it first.')
    const recovery = {
      id,
      webhook_id: webhookId,
      user_id: webhook.user_id,
      recovers: wanted.recovers,
      ...span,
      position: lowestIdAt(span.since),
      end_position: lowestIdAt(span.until),
    }
    const stored = await insertRecovery(sql, recovery, wanted.recovers === 'missing' ? SETTLE_MS : 0)
    if (!stored) throw await alreadyRunning(sql, webhookId)
    const started = await findRecovery(sql, owner, id)
    if (!started) throw new Error('A recovery was stored and is not there')
    await recordChange(sql, by, {
      action: 'recovery.started',
      target: publicId('rcv', id),
      ownerId: webhook.user_id,
      changes: {
        webhook_id: { to: publicId('wh', webhookId) },
        status: { to: wanted.recovers },
        since: { to: span.since },
        until: { to: span.until },
      },
    })
    return started
  })
}

/** Whether an event has a delivery shows only while the days around it are kept. */
function oldestReachable(recovers: Recoverable, now: Date, retentionDays: number): Date {
  const oldest = startOfRetention(now, retentionDays)
  return recovers === 'failed' ? oldest : new Date(oldest.getTime() + DAY_MS)
}

function keptSpan(wanted: WantedRecovery, now: Date, oldest: Date): { since: Date; until: Date } {
  const until = wanted.until === undefined || wanted.until > now ? now : wanted.until
  if (wanted.since >= now) throw invalid([{ path: 'since', reason: 'must be in the past' }])
  if (wanted.since >= until) throw invalid([{ path: 'until', reason: 'must be after since' }])
  if (until <= oldest)
    throw invalid([{ path: 'until', reason: `must be after ${oldest.toISOString()}, where the log begins` }])
  return { since: wanted.since < oldest ? oldest : wanted.since, until }
}

async function alreadyRunning(sql: Pick<Database, 'query'>, webhookId: string): Promise<ApiError> {
  const [running] = await sql.query<{ id: string }>({
    text: "SELECT id FROM recoveries WHERE webhook_id = $1 AND status = 'running'",
    values: [webhookId],
  })
  return new ApiError(409, 'recovery_running', 'A recovery of this webhook is running; wait for it or stop it.', {
    details: running ? { recovery_id: publicId('rcv', running.id) } : undefined,
  })
}
