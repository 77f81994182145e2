import { z } from 'zod'
import { unauthorized } from '../errors.ts'
import { type Principal, ROLES, TIERS } from './principal.ts'

const Claims = z.object({
  sub: z.string().min(1).max(200),
  exp: z.number(),
  role: z.enum(ROLES).default('user'),
  tier: z.enum(TIERS).default('free'),
  email: z.string().max(320).optional(),
})

/**
 * The principal that verified claims stand for.
 * @throws ApiError 401 when `sub` or `exp` is missing or a claim has no sense
 */
export function readClaims(claims: unknown): Principal {
  const parsed = Claims.safeParse(claims)
  if (!parsed.success) {
    const names = parsed.error.issues.map((issue) => issue.path.join('.'))
    throw unauthorized(`The token's claims are not usable: ${[...new Set(names)].join(', ')}.`)
  }
  const { sub, exp, role, tier, email } = parsed.data
  return {
    userId: sub,
    role,
    tier,
    ...(email === undefined ? {} : { email }),
    via: 'jwt',
    expiresAt: new Date(exp * 1000),
  }
}
