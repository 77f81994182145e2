/**
 * Where attempts wait and are made: those of slow webhooks apart, so that they do not take the places of the others, and those of
 * deliveries that may end their process each in one of its own.
 */
export const LANES = ['quick', 'slow', 'alone'] as const
export type Lane = (typeof LANES)[number]
/** What a webhook is: no webhook is suspect as a whole. */
export type WebhookLane = Exclude<Lane, 'alone'>

export interface LaneRules {
  /** An attempt that takes longer is a slow one. */
  slowMs: number
  /** So many of the latest attempts are looked at. */
  sample: number
}

/** The latest attempts, oldest first: `1` was slow, `0` was not. What is not known was quick. */
export type Durations = string

export function afterDuration(rules: LaneRules, durations: Durations, slow: boolean): Durations {
  return (durations + (slow ? '1' : '0')).slice(-rules.sample)
}

/** Slow when the median of the latest attempts is. */
export function laneOf(rules: LaneRules, durations: Durations): WebhookLane {
  return slowOnes(durations) > rules.sample / 2 ? 'slow' : 'quick'
}

export function slowOnes(durations: Durations): number {
  return durations.split('1').length - 1
}
