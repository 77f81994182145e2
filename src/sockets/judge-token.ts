import { ApiError } from '../errors.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { LoginLimit } from '../identity/login-limit.ts'
import { may, type Permission, type Principal } from '../identity/principal.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { CLOSE, type Refusal, retryAfter } from './close-codes.ts'

/** Who the token of a socket speaks for, or what the socket is to be closed with. */
export type TokenJudge = (token: string, address: string) => Promise<Principal | Refusal>

/** A handshake does not wait longer for whoever knows the token. */
const DEADLINE_MS = 5_000

export function createTokenJudge(deps: {
  authenticator: Pick<Authenticator, 'stream'>
  logins: LoginLimit
  /** What the token must allow, and what is said when it does not. */
  needs: { permission: Permission; otherwise: string }
  metrics: Pick<StreamMetrics, 'loginFailed' | 'limited'>
  onError: (error: unknown) => void
}): TokenJudge {
  const { authenticator, logins, needs, metrics, onError } = deps

  async function judge(token: string, address: string): Promise<Principal | Refusal> {
    try {
      const principal = await logins.check(address, (suspect) => authenticator.stream(token, suspect))
      if (may(principal, needs.permission)) return principal
      return { code: CLOSE.forbidden, reason: needs.otherwise }
    } catch (error) {
      return refusalOf(error)
    }
  }

  function refusalOf(error: unknown): Refusal {
    if (error instanceof ApiError && error.status === 401) {
      metrics.loginFailed()
      return { code: CLOSE.unauthorized, reason: error.message }
    }
    if (error instanceof ApiError && error.status === 403) return { code: CLOSE.forbidden, reason: error.message }
    if (error instanceof ApiError && error.status === 429) {
      metrics.loginFailed()
      metrics.limited('logins')
      return { code: CLOSE.tooMany, reason: retryAfter(Number(error.headers['Retry-After']) * 1000) }
    }
    onError(error)
    return { code: CLOSE.ourFault, reason: 'the token could not be checked; try again' }
  }

  return async (token, address) => {
    const judged = await within(DEADLINE_MS, judge(token, address))
    if (judged === TOO_LATE) metrics.limited('token_check')
    return judged
  }
}

const TOO_LATE: Refusal = { code: CLOSE.ourFault, reason: 'the token could not be checked in time' }

async function within(ms: number, judging: Promise<Principal | Refusal>): Promise<Principal | Refusal> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Refusal>((resolve) => {
    timer = setTimeout(resolve, ms, TOO_LATE)
  })
  try {
    return await Promise.race([judging, late])
  } finally {
    clearTimeout(timer)
  }
}
