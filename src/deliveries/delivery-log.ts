import { builder, toStatement } from '../db/builder.ts'
import type { Sql } from '../db/database.ts'
import { idBounds } from '../db/id-bounds.ts'

/** A delivery as its readers see it: the log's row, with what its open work says about now. */
export interface LoggedDelivery {
  id: string
  webhook_id: string
  event_id: string
  event_type: string
  user_id: string
  status: string
  attempt: number
  max_attempts: number
  response_code: number | null
  response_body: Buffer | null
  error: string | null
  error_message: string | null
  duration_ms: number | null
  created_at: Date
  delivered_at: Date | null
  next_retry_at: Date | null
  /** Its webhook's breaker is open: not before then, whatever is due. */
  held_back_until: Date | null
  test: boolean
}

export interface LoggedAttempt {
  attempt: number
  status: string
  url: string | null
  request_headers: string | null
  response_code: number | null
  response_headers: Buffer | null
  response_body: Buffer | null
  error: string | null
  error_message: string | null
  started_at: Date
  finished_at: Date | null
  duration_ms: number | null
}

export const DELIVERY_STATUSES = ['pending', 'delivering', 'retrying', 'success', 'failed', 'canceled'] as const
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number]

export interface DeliveryFilter {
  status?: DeliveryStatus | undefined
  eventType?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
  before?: string | undefined
  limit: number
}

/** A live lease says that an attempt is being made. */
const DELIVERING = 'due.lease_until > now()'

/** Newest first, one more than `limit` when there are more. */
export async function listDeliveries(sql: Sql, webhookId: string, filter: DeliveryFilter): Promise<LoggedDelivery[]> {
  const query = selectDeliveries().where('deliveries.webhook_id', webhookId)
  if (filter.status === 'delivering') query.whereRaw(DELIVERING)
  else if (filter.status !== undefined) query.where('deliveries.status', filter.status)
  if (filter.status === 'pending' || filter.status === 'retrying') query.whereRaw(`(${DELIVERING}) IS NOT TRUE`)
  if (filter.eventType !== undefined) query.where('deliveries.event_type', filter.eventType)
  idBounds(query, 'deliveries.id', filter)
  return sql.query<LoggedDelivery>(toStatement(query.orderBy('deliveries.id', 'desc').limit(filter.limit + 1)))
}

/** Deliveries of one event, oldest webhook first: of one owner's webhooks, or of all with `userId` null. */
export async function listDeliveriesOfEvent(
  sql: Sql,
  eventId: string,
  userId: string | null,
  limit: number,
): Promise<LoggedDelivery[]> {
  const query = selectDeliveries().where('deliveries.event_id', eventId)
  if (userId !== null) query.where('deliveries.user_id', userId)
  return sql.query<LoggedDelivery>(toStatement(query.orderBy('deliveries.id').limit(limit)))
}

export async function findDelivery(sql: Sql, webhookId: string, id: string): Promise<LoggedDelivery | null> {
  const query = selectDeliveries().where({ 'deliveries.id': id, 'deliveries.webhook_id': webhookId })
  const [delivery] = await sql.query<LoggedDelivery>(toStatement(query))
  return delivery ?? null
}

export async function listAttempts(sql: Sql, deliveryId: string): Promise<LoggedAttempt[]> {
  return sql.query<LoggedAttempt>({
    name: 'attempts-of-delivery',
    text: `SELECT attempt, status, url, request_headers, response_code, response_headers, response_body, error, error_message,
             started_at, finished_at, duration_ms
           FROM attempts WHERE delivery_id = $1 ORDER BY attempt`,
    values: [deliveryId],
  })
}

function selectDeliveries() {
  const columns = [
    ...['id', 'webhook_id', 'event_id', 'event_type', 'user_id', 'response_code', 'response_body', 'error'],
    ...['error_message', 'duration_ms', 'created_at', 'delivered_at', 'test'],
  ]
  return builder('deliveries')
    .leftJoin('due', 'due.delivery_id', 'deliveries.id')
    .leftJoin('webhook_health', 'webhook_health.webhook_id', 'due.webhook_id')
    .select(columns.map((column) => `deliveries.${column}`))
    .select(builder.raw(`CASE WHEN ${DELIVERING} THEN 'delivering' ELSE deliveries.status END AS status`))
    .select(builder.raw('coalesce(due.attempt, deliveries.attempt) AS attempt'))
    .select(builder.raw('coalesce(due.max_attempts, deliveries.max_attempts) AS max_attempts'))
    .select(
      builder.raw(
        `CASE WHEN deliveries.status = 'retrying' AND (${DELIVERING}) IS NOT TRUE THEN due.due_at END AS next_retry_at`,
      ),
      builder.raw(`CASE WHEN NOT urgent AND (${DELIVERING}) IS NOT TRUE THEN probe_at END AS held_back_until`),
    )
}
