/** 44xx: do not come back unchanged. 45xx: come back with jitter and resume. */
export const CLOSE = {
  badRequest: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  noSuchStream: 4404,
  replaced: 4409,
  tooManySubscriptions: 4429,
  ourFault: 4500,
  draining: 4501,
  silent: 4508,
  tooSlow: 4513,
  /** Messages, changed subscriptions, sockets of one address, or failed logins. */
  tooMany: 4529,
  /** RFC 6455. */
  frameTooLarge: 1009,
  /** Never sent: it ended without a code. */
  abnormal: 1006,
} as const

export interface Refusal {
  code: number
  /** At most 123 bytes: RFC 6455 gives a close frame no more. */
  reason: string
}

/** The reason of codes that say when to come back. */
export function retryAfter(ms: number): string {
  return JSON.stringify({ retry_after_ms: Math.round(ms) })
}
