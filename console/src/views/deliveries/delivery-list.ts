import type { DeliveryAttempt } from '../../../../client/src/index.ts'
import type { Delivery, DeliveryStatus } from '../../api/shapes.ts'

export interface DeliveryFilter {
  status: string
  event_type: string
  since: string
}

export interface DeliveryList {
  deliveries: readonly Delivery[]
  next: string | null
}

const MOST_SHOWN = 300

/** Puts what an attempt tells into a list; a delivery that does not pass the filter is left out. */
export function withAttempt(list: DeliveryList, attempt: DeliveryAttempt, filter: DeliveryFilter): DeliveryList {
  const others = list.deliveries.filter(({ id }) => id !== attempt.id)
  if (!passes(attempt, filter)) return { ...list, deliveries: others }
  return { ...list, deliveries: newestFirst([toDelivery(attempt), ...others]).slice(0, MOST_SHOWN) }
}

export function passes(
  delivery: Pick<Delivery, 'status' | 'event_type' | 'created_at'>,
  filter: DeliveryFilter,
): boolean {
  const since = sinceOf(filter.since)
  if (filter.status !== '' && filter.status !== delivery.status) return false
  if (filter.event_type !== '' && filter.event_type !== delivery.event_type) return false
  return since === undefined || delivery.created_at >= since
}

/** Hours back from now, as the query has it; a minute's grain keeps it the same while one looks. */
export function sinceOf(hours: string, now = Date.now()): string | undefined {
  if (hours === '') return undefined
  return new Date(Math.floor(now / 60_000) * 60_000 - Number(hours) * 3_600_000).toISOString()
}

function toDelivery(attempt: DeliveryAttempt): Delivery {
  return { ...attempt, status: attempt.status as DeliveryStatus }
}

/** Ids rise with time, so they are what to sort by. */
export function newestFirst(deliveries: readonly Delivery[]): Delivery[] {
  return [...deliveries].sort((one, other) => (one.id < other.id ? 1 : -1))
}
