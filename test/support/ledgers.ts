import { createHmac } from 'node:crypto'
import type { Database } from '../../src/db/database.ts'
import { publicId } from '../../src/ids.ts'
import type { Received } from './receiver.ts'

/**
 * Four ledgers of one run, each by another program: what the producer was promised, what the receivers saw, what the
 * database says, and which faults were injected. `findLosses` compares them after everything has come to rest.
 */
export interface Ledgers {
  /** Event ids (`evt_…`) that were answered 202. */
  acknowledged: readonly string[]
  arrivals: readonly Arrival[]
  database: {
    events: readonly string[]
    deliveries: readonly DeliveryRow[]
    attempts: readonly AttemptRow[]
    open: number
  }
  /** How many requests the faults may have cut while nobody knew their outcome. */
  duplicatesAllowed: number
  /** Webhooks (`wh_…`) that subscribe to all of it. */
  webhooks: readonly string[]
}

export interface Arrival {
  delivery: string
  event: string
  attempt: number
  verified: boolean
  /** The status that was answered. */
  status: number
}

export interface DeliveryRow {
  id: string
  event: string
  webhook: string
  status: string
  attempts: number
}

export interface AttemptRow {
  delivery: string
  attempt: number
  status: string
  responseCode: number | null
}

/** @returns one line for each promise that was not kept */
export function findLosses(ledgers: Ledgers): string[] {
  const { acknowledged, arrivals, database, webhooks } = ledgers
  const losses: string[] = []
  if (database.open > 0) losses.push(`${database.open} deliveries are still open`)

  const stored = new Set(database.events)
  for (const event of acknowledged) if (!stored.has(event)) losses.push(`${event} was acknowledged and is not stored`)

  const owed = groupBy(database.deliveries, ({ event, webhook }) => `${event} ${webhook}`)
  for (const event of acknowledged) {
    for (const webhook of webhooks) {
      const count = owed.get(`${event} ${webhook}`)?.length ?? 0
      if (count !== 1) losses.push(`${event} has ${count} deliveries to ${webhook}`)
    }
  }

  const attempts = groupBy(database.attempts, ({ delivery }) => delivery)
  for (const delivery of database.deliveries) losses.push(...lossesOf(delivery, attempts.get(delivery.id) ?? []))

  const logged = new Set(database.attempts.map(({ delivery, attempt }) => `${delivery} ${attempt}`))
  const arrived = new Set(arrivals.map(({ delivery, attempt }) => `${delivery} ${attempt}`))
  for (const request of arrived) if (!logged.has(request)) losses.push(`${request} arrived and is not logged`)
  for (const { delivery, attempt, responseCode } of database.attempts) {
    if (responseCode !== null && !arrived.has(`${delivery} ${attempt}`)) {
      losses.push(`${delivery} ${attempt} is logged with an answer and did not arrive`)
    }
  }

  for (const arrival of arrivals) if (!arrival.verified) losses.push(`${arrival.delivery} arrived with a bad signature`)
  const accepted = groupBy(
    arrivals.filter(({ status }) => status < 300),
    ({ delivery }) => delivery,
  )
  const duplicates = [...accepted.values()].reduce((sum, same) => sum + same.length - 1, 0)
  if (duplicates > ledgers.duplicatesAllowed) {
    losses.push(`${duplicates} duplicates, allowed ${ledgers.duplicatesAllowed}`)
  }
  return losses
}

function lossesOf(delivery: DeliveryRow, attempts: readonly AttemptRow[]): string[] {
  const losses: string[] = []
  const numbers = attempts.map(({ attempt }) => attempt).sort((a, b) => a - b)
  if (numbers.some((number, index) => number !== index + 1)) losses.push(`${delivery.id} has attempts ${numbers}`)
  if (numbers.length !== delivery.attempts) {
    losses.push(`${delivery.id} counts ${delivery.attempts} attempts and ${numbers.length} are logged`)
  }
  if (delivery.status !== 'success' && delivery.status !== 'failed') {
    losses.push(`${delivery.id} is ${delivery.status}`)
  }
  if (delivery.status === 'success' && !attempts.some(({ status }) => status === 'success')) {
    losses.push(`${delivery.id} is a success without a successful attempt`)
  }
  if (attempts.some(({ status }) => status === 'started')) losses.push(`${delivery.id} has an attempt without an end`)
  return losses
}

/** The receiver's ledger: each request as it came, its signature checked over the raw bytes. */
export function readArrivals(
  received: readonly Received[],
  secret: string,
  status: (index: number) => number,
): Arrival[] {
  return received.map(({ headers, body }, index) => ({
    delivery: String(headers['x-webhook-delivery']),
    event: JSON.parse(body).event_id,
    attempt: Number(headers['x-webhook-attempt']),
    verified: headers['x-webhook-signature'] === `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    status: status(index),
  }))
}

/** The database's ledger, of everything in it. */
export async function readDatabase(db: Database): Promise<Ledgers['database']> {
  const events = await db.query<{ id: string }>({ text: 'SELECT id FROM events' })
  const deliveries = await db.query<Omit<DeliveryRow, 'event' | 'webhook'> & { event_id: string; webhook_id: string }>({
    text: 'SELECT id, event_id, webhook_id, status, attempt AS attempts FROM deliveries',
  })
  const attempts = await db.query<{
    delivery_id: string
    attempt: number
    status: string
    response_code: number | null
  }>({
    text: 'SELECT delivery_id, attempt, status, response_code FROM attempts',
  })
  const [due] = await db.query<{ open: number }>({ text: 'SELECT count(*) AS open FROM due' })
  return {
    events: events.map(({ id }) => publicId('evt', id)),
    deliveries: deliveries.map(({ id, event_id, webhook_id, status, attempts: made }) => ({
      id: publicId('dlv', id),
      event: publicId('evt', event_id),
      webhook: publicId('wh', webhook_id),
      status,
      attempts: made,
    })),
    attempts: attempts.map(({ delivery_id, attempt, status, response_code }) => ({
      delivery: publicId('dlv', delivery_id),
      attempt,
      status,
      responseCode: response_code,
    })),
    open: due?.open ?? 0,
  }
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}
