import { afterOutcome, type Breaker, type BreakerRules, CLOSED, failuresWithin } from './breaker.ts'
import { afterDuration, type Durations, type LaneRules, laneOf, slowOnes, type WebhookLane } from './lane.ts'

/** What the feeder must know of a webhook with which something is wrong. */
export interface WebhookHealth {
  breaker: Breaker
  durations: Durations
  lane: WebhookLane
}

export interface HealthRules {
  breaker: BreakerRules
  lane: LaneRules
}

/** Something an attempt showed, at Unix milliseconds. A slow attempt shows that it is before it shows how it ends. */
export interface Finding {
  at: number
  failed?: boolean
  slow?: boolean
}

export const WELL: WebhookHealth = { breaker: CLOSED, durations: '', lane: 'quick' }

/** @param random numbers in [0, 1) */
export function afterFinding(
  rules: HealthRules,
  health: WebhookHealth,
  finding: Finding,
  random: number,
): WebhookHealth {
  const { at, failed, slow } = finding
  const breaker =
    failed === undefined ? health.breaker : afterOutcome(rules.breaker, health.breaker, { at, failed }, random)
  const durations = slow === undefined ? health.durations : afterDuration(rules.lane, health.durations, slow)
  return { breaker, durations, lane: laneOf(rules.lane, durations) }
}

/** Nothing is wrong with it any more, so nothing need be kept of it. */
export function isWell(rules: HealthRules, health: WebhookHealth, now: number): boolean {
  const { breaker, durations } = health
  if (breaker.state !== 'closed' || slowOnes(durations) > 0) return false
  return failuresWithin(rules.breaker, breaker.outcomes, now) === 0
}
