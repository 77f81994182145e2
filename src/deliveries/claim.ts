import type { Database } from '../db/database.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'
import { inEachDay, partitionName } from '../db/partitions.ts'
import type { SignatureStyle } from '../webhooks/webhook.ts'
import { cancelUndeliverable } from './cancel-deliveries.ts'
import { failPoison, MOST_UNKNOWNS } from './poison.ts'

/**
 * The claim: what makes one attempt belong to one worker.
 *
 * A job names a delivery and the number of the attempt to make. The claim raises `due.attempt` from that number minus one,
 * takes a lease and writes the attempt as `started`, all in one committed statement before the first byte is sent. The
 * number is the fence: of two jobs with one number one finds the row moved on and ends quietly, and whoever comes back late
 * (a stopped process, a lost lease) can neither claim nor record. A lease that ran out without a record means that nobody
 * knows what the receiver got: that attempt becomes `unknown`, costs the delivery no attempt, and the next one is made.
 *
 * Rejected: BullMQ's own lock as the owner (it is lost with Redis), and a row lock held over the HTTP call (a connection each).
 */
export interface Claim {
  deliveryId: string
  /** The number of this attempt, 1.. */
  attempt: number
}

export interface ClaimedAttempt extends Claim {
  maxAttempts: number
  /** How many attempts were made before the delivery was opened again. */
  earlierAttempts: number
  test: boolean
  eventType: string
  canonical: string
  /** Where its event stands in a trace. */
  traceparent: string | null
  webhook: {
    id: string
    url: string
    secret: Buffer
    /** During the overlap of a rotation. */
    previousSecret: Buffer | null
    headers: Buffer | null
    headerNames: string[]
    signatureStyle: SignatureStyle
  }
  /** `performance.now()` after which this process must not begin to send. */
  leaseEnds: number
}

export const LEASE_SECONDS = 6

/** Resolves to null when there is nothing to do under that number any more. */
export type ClaimAttempt = MicroBatch<Claim, ClaimedAttempt | null>

export function createClaim(deps: { db: Database; worker: string; onBatch?: (size: number) => void }): ClaimAttempt {
  return microBatch<Claim, ClaimedAttempt | null>({
    run: (claims) => claimTogether(deps, claims),
    windowMs: 2,
    maxSize: 300,
    maxAtOnce: 1,
    ...(deps.onBatch ? { onBatch: deps.onBatch } : {}),
  })
}

interface ClaimedRow {
  delivery_id: string
  attempt: number
  max_attempts: number
  earlier_attempts: number
  test: boolean
  event_id: string
  webhook_id: string
  url: string
  secret: Buffer
  previous_secret: Buffer | null
  headers: Buffer | null
  header_names: string[]
  signature_style: SignatureStyle
}

async function claimTogether(
  deps: { db: Database; worker: string },
  claims: readonly Claim[],
): Promise<(ClaimedAttempt | null | Error)[]> {
  // Taken before the statement: the lease in the database can only end later than this says.
  const leaseEnds = performance.now() + LEASE_SECONDS * 1000
  const rows = await inEachDay(claims, byDelivery, (day, ofDay) => startAttempts(deps, day, ofDay))
  const byId = new Map(rows.map((row) => [row.delivery_id, row]))
  const refused = claims.filter((claim) => !byId.has(claim.deliveryId)).map((claim) => claim.deliveryId)
  if (refused.length > 0) await settleRefused(deps.db, refused)
  const events = await loadEvents(deps.db, [...new Set(rows.map((row) => row.event_id))])
  return claims.map((claim) => {
    const row = byId.get(claim.deliveryId)
    if (row?.attempt !== claim.attempt) return null
    const event = events.get(row.event_id)
    if (!event) return new Error(`Delivery ${claim.deliveryId} has no event`)
    // A number is claimed once, also within one batch.
    byId.delete(claim.deliveryId)
    return {
      ...claim,
      maxAttempts: row.max_attempts,
      earlierAttempts: row.earlier_attempts,
      test: row.test,
      eventType: event.event_type,
      canonical: event.canonical,
      traceparent: event.traceparent,
      webhook: {
        id: row.webhook_id,
        url: row.url,
        secret: row.secret,
        previousSecret: row.previous_secret,
        headers: row.headers,
        headerNames: row.header_names,
        signatureStyle: row.signature_style,
      },
      leaseEnds,
    }
  })
}

const byDelivery = (claim: Claim) => claim.deliveryId

async function startAttempts(
  { db, worker }: { db: Database; worker: string },
  day: number,
  claims: readonly Claim[],
): Promise<ClaimedRow[]> {
  const attempts = partitionName('attempts', day)
  return db.query<ClaimedRow>({
    name: `claim-start-${day}`,
    text: `
      WITH job AS (
        SELECT due.delivery_id, due.attempt AS last_attempt, due.lease_until IS NOT NULL AS lost,
          webhook.url, webhook.secret, webhook.headers, webhook.header_names, webhook.signature_style,
          CASE WHEN webhook.rotation_ends_at > now() THEN webhook.previous_secret END AS previous_secret
        FROM due
        JOIN unnest($1::uuid[], $2::int[]) AS claim(delivery_id, attempt) ON claim.delivery_id = due.delivery_id
        JOIN webhooks webhook ON webhook.id = due.webhook_id AND (webhook.active OR due.test)
        WHERE due.attempt = claim.attempt - 1 AND due.unknowns + (due.lease_until IS NOT NULL)::int < ${MOST_UNKNOWNS}
          AND (due.lease_until IS NULL OR due.lease_until < now())
        ORDER BY due.delivery_id FOR UPDATE OF due
      ), claimed AS (
        UPDATE due SET attempt = due.attempt + 1, worker = $3, fed_until = NULL,
          lease_until = now() + make_interval(secs => ${LEASE_SECONDS}),
          max_attempts = due.max_attempts + lost::int, unknowns = CASE WHEN lost THEN due.unknowns + 1 ELSE 0 END
        FROM job WHERE due.delivery_id = job.delivery_id
        RETURNING due.delivery_id, due.attempt, due.max_attempts, due.earlier_attempts, due.test, due.event_id,
          due.webhook_id, job.url, job.secret, job.previous_secret, job.headers, job.header_names, job.signature_style
      ), unknown AS (
        UPDATE "${attempts}" AS made SET status = 'unknown', finished_at = now(), error = 'unknown',
          error_message = 'The worker ended before it recorded what the receiver answered.'
        FROM job WHERE job.lost AND made.delivery_id = job.delivery_id AND made.attempt = job.last_attempt
          AND made.status = 'started'
      ), started AS (
        INSERT INTO "${attempts}" (delivery_id, attempt, worker, url) SELECT delivery_id, attempt, $3, url FROM claimed
      )
      SELECT * FROM claimed`,
    values: [claims.map((claim) => claim.deliveryId), claims.map((claim) => claim.attempt), worker],
  })
}

/** What could not be claimed is mostly over or somebody else's; the rest is settled here, so that it is not fed again. */
async function settleRefused(db: Database, deliveryIds: readonly string[]): Promise<void> {
  await db.transaction(async (sql) => {
    await cancelUndeliverable(sql, deliveryIds)
    await failPoison(sql, deliveryIds)
  })
}

interface ClaimedEvent {
  id: string
  event_type: string
  canonical: string
  traceparent: string | null
}

async function loadEvents(db: Database, ids: readonly string[]) {
  if (ids.length === 0) return new Map<string, ClaimedEvent>()
  const rows = await db.query<ClaimedEvent>({
    name: 'claim-events',
    text: 'SELECT id, event_type, canonical, traceparent FROM events WHERE id = ANY ($1)',
    values: [ids],
  })
  return new Map(rows.map((row) => [row.id, row]))
}
