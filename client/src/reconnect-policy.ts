/** What to do after a socket has closed. */
export type Next = { do: 'stop' } | { do: 'renew_token'; afterMs: number } | { do: 'come_back'; afterMs: number }

const UNAUTHORIZED = 4401
/** A frame of ours was too large; it would be again. */
const TOO_LARGE = 1009
const FIRST_MS = 500
const LONGEST_MS = 30_000
/** A server that is replaced has many clients to take back: none comes before its time, all a little apart. */
const SPREAD = 0.25

/**
 * By the class of the code: 44xx would be refused again, so it is the end, but for 4401, which a new token may mend; 45xx
 * says to come back, and sometimes when; anything else is the network.
 * @param attempt 0 after a connection that held, then how many failed one after another
 * @param random 0 to 1
 */
export function afterClose(code: number, reason: string, attempt: number, random: number): Next {
  if (code === UNAUTHORIZED) return { do: 'renew_token', afterMs: attempt === 0 ? 0 : backoff(attempt, random) }
  if (code === TOO_LARGE || (code >= 4400 && code < 4500)) return { do: 'stop' }
  const asked = code >= 4500 && code < 4600 ? retryAfterMs(reason) : null
  if (asked === null) return { do: 'come_back', afterMs: backoff(attempt, random) }
  const told = Math.round(asked * (1 + SPREAD * random))
  return { do: 'come_back', afterMs: attempt === 0 ? told : Math.max(told, backoff(attempt, random)) }
}

/** Doubles from half a second to half a minute; at random between the half and the whole of it. */
export function backoff(attempt: number, random: number): number {
  return Math.round(Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (0.5 + random / 2))
}

/** From a reason like `{"retry_after_ms": 1000}`; null when it says nothing of the kind. */
function retryAfterMs(reason: string): number | null {
  try {
    const ms: unknown = JSON.parse(reason)?.retry_after_ms
    return typeof ms === 'number' && ms >= 0 && ms <= 3_600_000 ? ms : null
  } catch {
    return null
  }
}
