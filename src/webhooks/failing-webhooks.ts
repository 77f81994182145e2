import { recordChange } from '../audit/record-change.ts'
import type { Database, Sql } from '../db/database.ts'
import { publicId } from '../ids.ts'
import { turnOff } from './switch-webhook.ts'
import { tellOwner } from './tell-owner.ts'

/**
 * Webhooks that do not get through any more. One whose receiver answered 410 is turned off at once; one that has had no
 * success for a while and has had some deliveries given up, when both are enough; half-way there its owner is told.
 *
 * Each step is one transaction: the switch, the event for the owner and the deliveries of that event are committed together.
 * The first statement locks what the step changes and asks again whether it is due, so of several workers one does it, once.
 */
export interface FailingRules {
  /** Without a success for so long … */
  disableAfterSeconds: number
  /** … and with so many deliveries given up in a row. */
  disableAfterFailures: number
}

export interface FailingWebhook {
  id: string
  user_id: string
  gone: boolean
  failing_since: Date | null
  exhausted_in_row: number
}

/** More come in the next round. */
const MOST_AT_ONCE = 100

/** Turns off what has failed for too long or is gone. @returns those that were turned off here */
export async function disableFailing(db: Database, rules: FailingRules): Promise<FailingWebhook[]> {
  const rows = await db.query<{ webhook_id: string }>({
    text: `SELECT webhook_id FROM webhook_stats stats JOIN webhooks ON webhooks.id = webhook_id AND active
           WHERE (gone OR failing_since IS NOT NULL) AND ${HAS_FAILED} ORDER BY webhook_id LIMIT ${MOST_AT_ONCE}`,
    values: [rules.disableAfterSeconds, rules.disableAfterFailures],
  })
  return each(rows, (id) => disableIfFailed(db, rules, id))
}

/** The same for one webhook, e.g. one whose receiver just answered 410. @returns it, or null when it stays as it is */
export async function disableIfFailed(db: Database, rules: FailingRules, id: string): Promise<FailingWebhook | null> {
  return db.transaction(async (sql) => {
    const failing = await lockFailed(sql, rules, id)
    if (!failing) return null
    const reason = failing.gone ? 'The receiver answered 410 Gone.' : describe(failing)
    await turnOff(sql, id, reason)
    await recordChange(sql, null, {
      action: 'webhook.disabled',
      target: publicId('wh', id),
      ownerId: failing.user_id,
      changes: { active: { from: true, to: false }, disabled_reason: { to: reason } },
    })
    await tellOwner(sql, 'webhook_disabled', failing, reason)
    return failing
  })
}

/** Tells the owners of those that are half-way to being turned off, once for each time of failing. */
export async function warnFailing(db: Database, rules: FailingRules): Promise<FailingWebhook[]> {
  const halfway = [rules.disableAfterSeconds / 2, Math.ceil(rules.disableAfterFailures / 2)]
  const rows = await db.query<{ webhook_id: string }>({
    text: `SELECT webhook_id FROM webhook_stats stats JOIN webhooks ON webhooks.id = webhook_id AND active
           WHERE (gone OR failing_since IS NOT NULL) AND ${IS_UNTOLD} ORDER BY webhook_id LIMIT ${MOST_AT_ONCE}`,
    values: halfway,
  })
  return each(rows, (id) => warnOne(db, halfway, id))
}

const HAS_FAILED = `(gone OR failing_since < now() - make_interval(secs => $1) AND exhausted_in_row >= $2)`
const IS_UNTOLD = `failing_since < now() - make_interval(secs => $1) AND exhausted_in_row >= $2
  AND warned_since IS DISTINCT FROM failing_since`

/** Only the webhook's row is locked: records lock open work before counters, and cancelling comes next. */
async function lockFailed(sql: Sql, rules: FailingRules, id: string): Promise<FailingWebhook | undefined> {
  const [failing] = await sql.query<FailingWebhook>({
    text: `SELECT id, user_id, gone, failing_since, exhausted_in_row
           FROM webhooks JOIN webhook_stats stats ON stats.webhook_id = id
           WHERE id = $3 AND active AND ${HAS_FAILED} FOR UPDATE OF webhooks`,
    values: [rules.disableAfterSeconds, rules.disableAfterFailures, id],
  })
  return failing
}

async function warnOne(db: Database, halfway: readonly number[], id: string): Promise<FailingWebhook | null> {
  return db.transaction(async (sql) => {
    const [failing] = await sql.query<FailingWebhook>({
      text: `UPDATE webhook_stats stats SET warned_since = failing_since FROM webhooks
             WHERE webhook_id = $3 AND webhooks.id = webhook_id AND active AND ${IS_UNTOLD}
             RETURNING webhooks.id, user_id, gone, failing_since, exhausted_in_row`,
      values: [...halfway, id],
    })
    if (!failing) return null
    await tellOwner(sql, 'webhook_failing', failing, describe(failing))
    return failing
  })
}

function describe({ failing_since, exhausted_in_row }: FailingWebhook): string {
  const deliveries = exhausted_in_row === 1 ? '1 delivery was' : `${exhausted_in_row} deliveries were`
  return `Nothing has got through since ${failing_since?.toISOString()}; ${deliveries} given up.`
}

async function each(
  rows: readonly { webhook_id: string }[],
  step: (id: string) => Promise<FailingWebhook | null>,
): Promise<FailingWebhook[]> {
  const done: FailingWebhook[] = []
  for (const { webhook_id } of rows) {
    const failing = await step(webhook_id)
    if (failing) done.push(failing)
  }
  return done
}
