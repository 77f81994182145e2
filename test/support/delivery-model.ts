import { MOST_UNKNOWNS } from '../../src/deliveries/poison.ts'
import type { AttemptResult } from '../../src/deliveries/record.ts'

/**
 * What one webhook's deliveries ought to be: the state machine once more, in memory and one thing at a time. The tests do the
 * same to it and to PostgreSQL and compare.
 */
export interface DeliveryModel {
  webhook: 'active' | 'off' | 'deleted'
  /** Its receiver has said that it is gone for good. */
  gone: boolean
  counters: { delivery_count: number; success_count: number; failure_count: number }
  deliveries: Map<string, ModelDelivery>
  /** What lies in the queue: any job, once or several times. */
  jobs: Job[]
  /** What workers believe to be making. */
  held: Held[]
}

export interface ModelDelivery {
  status: 'pending' | 'retrying' | 'success' | 'failed' | 'canceled'
  /** Their statuses in order, each with who made it. */
  attempts: { status: string; worker: string }[]
  open: Open | null
}

export interface Open {
  attempt: number
  max: number
  unknowns: number
  due: boolean
  fed: Hold
  lease: Hold
  worker: string | null
}

type Hold = 'none' | 'live' | 'over'

export interface Job {
  deliveryId: string
  attempt: number
}

export interface Held extends Job {
  worker: string
  maxAttempts: number
}

export type Ending = 'success' | 'failed' | 'gone' | 'aborted'

export const MAX_ATTEMPTS = 3

export function newModel(): DeliveryModel {
  const counters = { delivery_count: 0, success_count: 0, failure_count: 0 }
  return { webhook: 'active', gone: false, counters, deliveries: new Map(), jobs: [], held: [] }
}

export function accepted(model: DeliveryModel, deliveryId: string): void {
  model.deliveries.set(deliveryId, { status: 'pending', attempts: [], open: opened(0, MAX_ATTEMPTS) })
}

/** What the feeder ought to find now. */
export function feedable(model: DeliveryModel): Job[] {
  return [...model.deliveries].flatMap(([deliveryId, { open }]) => {
    const inNobodysHands = open !== null && open.fed !== 'live' && open.lease !== 'live'
    return inNobodysHands && open.due ? [{ deliveryId, attempt: open.attempt + 1 }] : []
  })
}

/** @returns the attempt, or null when this job is to be let go */
export function claim(model: DeliveryModel, { deliveryId, attempt }: Job, worker: string): Held | null {
  const delivery = model.deliveries.get(deliveryId)
  const open = delivery?.open
  if (!delivery || !open) return null
  const lost = open.lease === 'over'
  const poisonous = open.unknowns + (lost ? 1 : 0) >= MOST_UNKNOWNS
  if (open.attempt !== attempt - 1 || open.lease === 'live' || poisonous) {
    if (poisonous && lost) poisoned(model, delivery, open)
    return null
  }
  if (lost) markUnknown(delivery, open)
  Object.assign(open, {
    attempt,
    max: open.max + (lost ? 1 : 0),
    unknowns: lost ? open.unknowns + 1 : 0,
    ...{ fed: 'none', lease: 'live', worker },
  })
  delivery.attempts.push({ status: 'started', worker })
  return { deliveryId, attempt, worker, maxAttempts: open.max }
}

/** @returns whether it counts: it is the delivery's own attempt, or was recorded so before */
export function record(model: DeliveryModel, held: Held, result: AttemptResult): boolean {
  const delivery = model.deliveries.get(held.deliveryId)
  const attempt = delivery?.attempts[held.attempt - 1]
  if (!delivery || !attempt) return false
  const { open } = delivery
  const isOurs = open !== null && open.attempt === held.attempt && open.worker === held.worker
  const unsettled = attempt.status === 'started' || attempt.status === 'unknown'
  if (!isOurs) {
    if (unsettled) attempt.status = 'superseded'
    return attempt.status === result.status
  }
  if (unsettled) attempt.status = result.status
  if (result.responseCode === 410) model.gone = true
  if (result.retryInMs === null) close(model, delivery, result.status === 'success' ? 'success' : 'failed')
  else {
    if (result.status !== 'aborted') delivery.status = 'retrying'
    const max = open.max + (result.status === 'aborted' ? 1 : 0)
    Object.assign(open, { max, due: result.retryInMs === 0, unknowns: 0, fed: 'none', lease: 'none', worker: null })
  }
  return true
}

/** @returns what is refused with 409, or what is done */
export function retry(model: DeliveryModel, deliveryId: string): 'inactive' | 'under way' | 'done' {
  const delivery = model.deliveries.get(deliveryId)
  if (!delivery) throw new Error(`The model has no delivery ${deliveryId}`)
  if (model.webhook !== 'active') return 'inactive'
  if (delivery.open?.lease === 'live') return 'under way'
  if (delivery.open) {
    delivery.open.due = true
    delivery.open.max = Math.max(delivery.open.max, delivery.open.attempt + 1)
    return 'done'
  }
  if (delivery.status === 'success') model.counters.success_count -= 1
  if (delivery.status === 'failed') model.counters.failure_count -= 1
  if (delivery.status !== 'canceled') model.counters.delivery_count -= 1
  const made = delivery.attempts.length
  Object.assign(delivery, { status: 'retrying', open: opened(made, made + 1) })
  return 'done'
}

/** Turned off or removed: what is open is cancelled. */
export function turnOff(model: DeliveryModel, to: 'off' | 'deleted'): void {
  model.webhook = to
  for (const delivery of model.deliveries.values()) {
    if (!delivery.open) continue
    // Whoever makes an attempt now may never come back.
    if (delivery.open.lease !== 'none') markUnknown(delivery, delivery.open)
    Object.assign(delivery, { status: 'canceled', open: null })
  }
}

function opened(attempt: number, max: number): Open {
  return { attempt, max, unknowns: 0, due: true, fed: 'none', lease: 'none', worker: null }
}

function close(model: DeliveryModel, delivery: ModelDelivery, status: 'success' | 'failed'): void {
  Object.assign(delivery, { status, open: null })
  model.counters.delivery_count += 1
  model.counters[status === 'success' ? 'success_count' : 'failure_count'] += 1
}

function poisoned(model: DeliveryModel, delivery: ModelDelivery, open: Open): void {
  markUnknown(delivery, open)
  close(model, delivery, 'failed')
}

function markUnknown(delivery: ModelDelivery, open: Open): void {
  const last = delivery.attempts[open.attempt - 1]
  if (last?.status === 'started') last.status = 'unknown'
}
