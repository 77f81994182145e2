/**
 * The breaker of one webhook: how much of its work is fed while its receiver fails.
 *
 * `closed` feeds up to the cap. So many failures within the window (and at least half of the latest attempts, so that a busy
 * receiver that fails now and then keeps going) make it `open`: nothing is fed. The feeder makes it `probing` when it feeds
 * the one probe that is due. A success makes it `ramping`, with one attempt in flight, then two, four … and `closed` at the
 * cap; a failure on the way halves what is in flight, and at one opens it again.
 */
export type Breaker =
  | { state: 'closed'; outcomes: readonly Outcome[] }
  | { state: 'open' | 'probing'; probeAt: number }
  | { state: 'ramping'; limit: number; successes: number }

export const BREAKER_STATES = ['closed', 'open', 'probing', 'ramping'] as const

/** How an attempt ended, at Unix milliseconds. */
export interface Outcome {
  at: number
  failed: boolean
}

export interface BreakerRules {
  failures: number
  windowMs: number
  probeEveryMs: number
  /** The in-flight cap that a ramp leads back to. */
  cap: number
}

/** Up to this share is added to the time until a probe, so that what broke together is not probed together. */
export const PROBE_JITTER = 0.2

export const CLOSED: Breaker = { state: 'closed', outcomes: [] }

/** @param random a number in [0, 1) */
export function afterOutcome(rules: BreakerRules, breaker: Breaker, outcome: Outcome, random: number): Breaker {
  switch (breaker.state) {
    case 'closed': {
      const outcomes = [...breaker.outcomes, outcome].slice(-2 * rules.failures)
      const tooManyFailures = failuresWithin(rules, outcomes, outcome.at) >= rules.failures
      return tooManyFailures ? open(rules, outcome.at, random) : { state: 'closed', outcomes }
    }
    case 'open':
      // What was under way when it opened still comes in; it must not put off the probe.
      return outcome.failed ? breaker : ramp(rules, 1)
    case 'probing':
      return outcome.failed ? open(rules, outcome.at, random) : ramp(rules, 1)
    case 'ramping': {
      if (outcome.failed)
        return breaker.limit > 1 ? ramp(rules, Math.floor(breaker.limit / 2)) : open(rules, outcome.at, random)
      const successes = breaker.successes + 1
      return successes < breaker.limit ? { ...breaker, successes } : ramp(rules, breaker.limit * 2)
    }
    default:
      return breaker satisfies never
  }
}

export function failuresWithin(rules: BreakerRules, outcomes: readonly Outcome[], now: number): number {
  return outcomes.filter((outcome) => outcome.failed && outcome.at > now - rules.windowMs).length
}

function open(rules: BreakerRules, at: number, random: number): Breaker {
  return { state: 'open', probeAt: at + rules.probeEveryMs * (1 + PROBE_JITTER * random) }
}

function ramp(rules: BreakerRules, limit: number): Breaker {
  return limit >= rules.cap ? CLOSED : { state: 'ramping', limit, successes: 0 }
}
