import { createSecretKey } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import type { Role, Tier } from './principal.ts'

/** Signs a JWT (HS256) for a user. */
export function makeToken(
  rules: { secret: string; issuer?: string | undefined; audience?: string | undefined },
  claims: { sub: string; role: Role; tier: Tier; email?: string | undefined },
  ttlSeconds: number,
): string {
  const { sub, ...others } = claims
  return jsonwebtoken.sign(
    Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined)),
    createSecretKey(Buffer.from(rules.secret)),
    {
      algorithm: 'HS256',
      subject: sub,
      expiresIn: ttlSeconds,
      ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
      ...(rules.audience === undefined ? {} : { audience: rules.audience }),
    },
  )
}
