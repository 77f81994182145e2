import { z } from 'zod'
import { unauthorized } from '../errors.ts'
import { type Principal, ROLES, TIERS } from './principal.ts'

const LONGEST_USER_ID = 255

/**
 * Who a verified token speaks for. REST and sockets both end here, so they cannot disagree about what a token must say.
 * @param claims the payload, its signature and times already checked
 * @throws ApiError 401 when `sub` or `exp` is missing, or `role` or `tier` is none of ours
 */
export function principalOfClaims(claims: unknown): Principal {
  if (typeof claims !== 'object' || claims === null) throw unauthorized('The token has no claims.')
  const { sub, exp, role = 'user', tier = 'free', email } = claims as Record<string, unknown>
  if (!isUserId(sub)) throw unauthorized('The token needs a "sub" claim, a text of 1 to 255 characters.')
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw unauthorized('The token needs an "exp" claim.')
  const expiresAt = new Date(exp * 1000)
  if (Number.isNaN(expiresAt.getTime())) throw unauthorized('The "exp" claim of the token is not a time.')
  const knownRole = ROLES.find((known) => known === role)
  if (!knownRole) throw unauthorized(`The "role" claim of the token must be one of ${ROLES.join(', ')}.`)
  const knownTier = TIERS.find((known) => known === tier)
  if (!knownTier) throw unauthorized(`The "tier" claim of the token must be one of ${TIERS.join(', ')}.`)
  return {
    userId: sub,
    role: knownRole,
    tier: knownTier,
    via: 'jwt',
    expiresAt,
    // What PostgreSQL could not keep with a ticket is left out.
    ...(isStorable(email) ? { email } : {}),
  }
}

export function isUserId(value: unknown): value is string {
  return isStorable(value) && value.length >= 1 && value.length <= LONGEST_USER_ID
}

/** A user id in a path, a query or a body. */
export const userIdSchema = z.string().refine(isUserId, `must be a text of 1 to ${LONGEST_USER_ID} characters`)

/** PostgreSQL takes no NUL in a text, and a lone surrogate would not come back as it went in. */
function isStorable(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && Buffer.from(value).toString() === value
}
