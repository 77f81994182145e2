import type { Database } from '../db/database.ts'
import { PROBE_JITTER } from './breaker.ts'
import type { Claim } from './claim.ts'
import { FEEDABLE, WEBHOOKS_WITH_WORK } from './feed-limits.ts'
import type { Lane, WebhookLane } from './lane.ts'
import { SUSPECT } from './poison.ts'

/** What the feeder hands to the queue: an attempt to make, and where it waits. */
export interface Fed extends Claim {
  webhookId: string
  lane: Lane
}

export interface FeedLimits {
  /** Rows of one webhook in flight: in the queue or under a lease. */
  perWebhook: number
  /** Attempts a second of one user; 0 is no limit. */
  perUser: number
  probeEveryMs: number
  /** Room in the queue of each lane. */
  room: Record<WebhookLane, number>
}

/**
 * Takes the open work whose time has come, for the queue: what was asked for by a person first, else the oldest, as far as the
 * cap, the breaker and the user's allowance let it. What is held back stays in `due`.
 *
 * One feeder at a time decides, so that what two of them see and take never adds up to more than a limit; the others come
 * again. The lock lives and dies with the statement: a process that is stopped or cut off in the middle holds nothing.
 * @returns null when another feeder was at it
 */
export async function takeDue(db: Database, limits: FeedLimits): Promise<Fed[] | null> {
  const limited = limits.perUser > 0
  const rows = await db.query<FedRow>({
    name: limited ? 'feed-take-limited' : 'feed-take',
    text: limited ? TAKE_LIMITED : TAKE,
    values: [
      limits.perWebhook,
      limits.room.quick,
      limits.room.slow,
      limits.probeEveryMs / 1000,
      ...(limited ? [limits.perUser] : []),
    ],
  })
  if (rows[0]?.mine === false) return null
  return rows.filter((row) => row.delivery_id !== null).map(toFed)
}

/**
 * Takes what was fed or claimed and is in nobody's hands any more: its job was lost, or its worker was. It has passed the limits
 * and still counts for them. Only here a suspect can be met: the attempt that made it one was lost.
 */
export async function takeLost(db: Database, most: number): Promise<Fed[]> {
  const rows = await db.query<FedRow>({
    name: 'feed-take-lost',
    text: `
      WITH lost AS (
        SELECT delivery_id, CASE WHEN ${SUSPECT} THEN 'alone' ELSE coalesce(health.lane, 'quick') END AS lane
        FROM due LEFT JOIN webhook_health health USING (webhook_id)
        WHERE in_hand AND due_at <= now() AND coalesce(fed_until, '-infinity') < now()
          AND coalesce(lease_until, '-infinity') < now()
        ORDER BY due_at LIMIT $1 FOR UPDATE OF due SKIP LOCKED
      )
      UPDATE due SET fed_until = ${fedUntil('lost.lane')}
      FROM lost WHERE due.delivery_id = lost.delivery_id
      RETURNING due.delivery_id, due.webhook_id, due.attempt + 1 AS attempt, lost.lane`,
    values: [most],
  })
  return rows.map(toFed)
}

/** Gives back what could not be put into the queue, or was taken from it unclaimed: the next round finds it at once. */
export async function returnFed(db: Database, claims: readonly Claim[]): Promise<void> {
  await db.query({
    text: `UPDATE due SET fed_until = NULL WHERE lease_until IS NULL AND delivery_id IN (
             SELECT delivery_id FROM due WHERE delivery_id = ANY ($1) ORDER BY delivery_id FOR UPDATE SKIP LOCKED)`,
    values: [claims.map((claim) => claim.deliveryId)],
  })
}

interface FedRow {
  mine?: boolean
  delivery_id: string
  webhook_id: string
  attempt: number
  lane: Lane
}

function toFed(row: FedRow): Fed {
  return { deliveryId: row.delivery_id, webhookId: row.webhook_id, attempt: row.attempt, lane: row.lane }
}

/**
 * A row that was fed is not fed again for so long: by then a job that still exists would have been claimed. Slow attempts may
 * wait longer for a place.
 */
const FED_SECONDS = { quick: 8, slow: 24 }

function fedUntil(lane: string): string {
  return `now() + make_interval(secs => CASE ${lane} WHEN 'slow' THEN ${FED_SECONDS.slow} ELSE ${FED_SECONDS.quick} END)`
}

/** Any constant that no other lock of this database uses. */
const ONE_FEEDER = 0x61726166

const TAKE = take('SELECT * FROM ripe', '')

const ALLOWANCE = 'least($5::float8, old.allowance + $5::float8 * extract(epoch FROM now() - old.counted_at)::float8)'

/**
 * An allowance grows by $5 a second up to one second's worth, and each attempt that is fed takes one from it. What a person
 * asked for is neither held back nor counted.
 */
const TAKE_LIMITED = take(
  `SELECT delivery_id, webhook_id, due_at, urgent, lane, probe FROM (
        SELECT ripe.*, coalesce(${ALLOWANCE}, $5) AS allowance,
          row_number() OVER (PARTITION BY webhooks.user_id, urgent ORDER BY due_at) AS place
        FROM ripe JOIN webhooks ON webhooks.id = ripe.webhook_id
        LEFT JOIN attempt_allowances old ON old.user_id = webhooks.user_id
      ) AS ranked WHERE urgent OR place <= allowance`,
  `, spent AS (
      INSERT INTO attempt_allowances AS old (user_id, allowance)
      SELECT webhooks.user_id, $5::float8 - count(*) FROM fed JOIN chosen USING (delivery_id)
      JOIN webhooks ON webhooks.id = fed.webhook_id WHERE NOT urgent GROUP BY user_id ORDER BY user_id
      ON CONFLICT (user_id) DO UPDATE SET counted_at = now(), allowance = excluded.allowance - $5::float8 + ${ALLOWANCE}
    )`,
)

/** What `IS TRUE` stands around is looked up in a hash; as a join it would compare each row that was chosen with each that was taken. */
function take(passing: string, andAlso: string): string {
  return `
    WITH RECURSIVE gate AS MATERIALIZED (
      SELECT pg_try_advisory_xact_lock(${ONE_FEEDER}) AS mine
    ), ${WEBHOOKS_WITH_WORK}, ${FEEDABLE}, passing AS MATERIALIZED (
      ${passing}
    ), chosen AS MATERIALIZED (
      (SELECT * FROM passing WHERE lane = 'quick' ORDER BY urgent DESC, due_at LIMIT $2)
      UNION ALL
      (SELECT * FROM passing WHERE lane = 'slow' ORDER BY urgent DESC, due_at LIMIT $3)
    ), probed AS MATERIALIZED (
      SELECT webhook_id FROM webhook_health WHERE webhook_id = ANY (ARRAY(SELECT webhook_id FROM chosen WHERE probe))
      FOR UPDATE SKIP LOCKED
    ), taken AS MATERIALIZED (
      SELECT delivery_id FROM due WHERE NOT in_hand AND delivery_id = ANY (ARRAY(
        SELECT delivery_id FROM chosen WHERE NOT probe OR webhook_id IN (SELECT webhook_id FROM probed)))
      FOR UPDATE SKIP LOCKED
    ), fed AS (
      UPDATE due SET fed_until = ${fedUntil('chosen.lane')} FROM chosen
      WHERE due.delivery_id = chosen.delivery_id AND (chosen.delivery_id IN (SELECT delivery_id FROM taken)) IS TRUE
      RETURNING due.delivery_id, due.webhook_id, due.attempt + 1 AS attempt, chosen.lane
    ), probing AS (
      UPDATE webhook_health SET breaker = 'probing', updated_at = now(),
        probe_at = now() + make_interval(secs => $4 * (1 + ${PROBE_JITTER} * random()))
      WHERE webhook_id IN (SELECT webhook_id FROM probed)
    )${andAlso}
    SELECT gate.mine, fed.* FROM gate LEFT JOIN fed ON true`
}
