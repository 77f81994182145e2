export interface RetryPolicy {
  /** Delay before the second attempt. */
  baseMs: number
  capMs: number
}

const GROWTH = 4
/** Up to this share is added at random, so that what failed together does not come back together. */
const JITTER = 0.2
/** A receiver may ask for at most a day. */
const LONGEST_RETRY_AFTER_MS = 86_400_000

/**
 * Milliseconds to wait after failed attempt number `attempt` (1..): 5 s, 20 s, 80 s … with the defaults, capped, plus jitter.
 * A receiver's `Retry-After` can only make it longer.
 * @param random a number in [0, 1)
 */
export function retryDelay(
  policy: RetryPolicy,
  failure: { attempt: number; retryAfterMs: number | null },
  random: number,
): number {
  const own = Math.min(policy.baseMs * GROWTH ** (failure.attempt - 1), policy.capMs)
  const jittered = own * (1 + JITTER * random)
  const asked = Math.min(failure.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS)
  return Math.round(Math.max(jittered, asked))
}

/**
 * A `Retry-After` header (RFC 9110 §10.2.3: seconds or an HTTP date) in milliseconds from `now`, at most a day.
 * @returns null when there is none, it is malformed or it is past
 */
export function parseRetryAfter(value: string | undefined, now: Date): number | null {
  if (value === undefined) return null
  const text = value.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_RETRY_AFTER_MS)
  if (!/^[A-Za-z]{3}, /.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) || at <= now.getTime() ? null : Math.min(at - now.getTime(), LONGEST_RETRY_AFTER_MS)
}
