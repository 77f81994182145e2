import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { unauthorized } from '../errors.ts'
import { principalOfClaims } from './claims.ts'
import type { Principal } from './principal.ts'

/*
 * One set of rules for REST (which hands them to koa-jwt) and sockets (`createTokenVerifier`).
 *
 * The key decides the algorithm and the list has exactly one entry, so a token cannot choose: neither `none`, nor HS256
 * signed with the text of a public key. The key is a KeyObject: parsing a text on each request costs 40 times as much.
 */

export interface JwtSettings {
  secret?: string | undefined
  publicKey?: string | undefined
  issuer?: string | undefined
  audience?: string | undefined
  clockSkewSeconds: number
}

export interface TokenRules {
  key: KeyObject
  /** For `jwt.verify`, and with the same names for koa-jwt. */
  options: { algorithms: ['HS256' | 'RS256' | 'ES256']; clockTolerance: number; issuer?: string; audience?: string }
}

const LEAST_SECRET_BYTES = 32
/** Verified tokens are few next to requests; at 300 bytes each the cache stays within some MB. */
const MOST_CACHED = 10_000
/** A longer text is no token of ours and not worth a signature check. */
const LONGEST_TOKEN = 8_192

/** @throws when the settings name no key, or one that none of our algorithms uses */
export function tokenRules(settings: JwtSettings): TokenRules {
  const { key, algorithm } = signingKey(settings)
  return {
    key,
    options: {
      algorithms: [algorithm],
      clockTolerance: settings.clockSkewSeconds,
      ...(settings.issuer === undefined ? {} : { issuer: settings.issuer }),
      ...(settings.audience === undefined ? {} : { audience: settings.audience }),
    },
  }
}

/**
 * @returns a function from a token to its principal, which remembers good tokens until they end
 * and throws ApiError 401 for any other
 */
export function createTokenVerifier(rules: TokenRules, now: () => number = Date.now): (token: string) => Principal {
  const verified = new Map<string, Principal>()
  const toleranceMs = rules.options.clockTolerance * 1000
  return (token) => {
    const known = verified.get(token)
    if (known?.expiresAt && now() < known.expiresAt.getTime() + toleranceMs) return known
    verified.delete(token)
    const principal = verify(token, rules, now())
    if (verified.size >= MOST_CACHED) verified.delete(verified.keys().next().value ?? '')
    verified.set(token, principal)
    return principal
  }
}

function verify(token: string, rules: TokenRules, now: number): Principal {
  if (token.length > LONGEST_TOKEN) throw unauthorized('The token is too long.')
  let claims: unknown
  try {
    claims = jwt.verify(token, rules.key, { ...rules.options, clockTimestamp: Math.floor(now / 1000) })
  } catch (error) {
    throw refusedToken(error)
  }
  return principalOfClaims(claims)
}

/** What the caller is told about a token that did not verify: only an expired one is worth another word. */
export function refusedToken(error: unknown): Error {
  const expired = error instanceof Error && error.name === 'TokenExpiredError'
  return unauthorized(expired ? 'The token has expired.' : 'The token is not valid.')
}

function signingKey(settings: JwtSettings): { key: KeyObject; algorithm: 'HS256' | 'RS256' | 'ES256' } {
  if (settings.publicKey !== undefined) {
    const key = createPublicKey(settings.publicKey)
    if (key.asymmetricKeyType === 'rsa') return { key, algorithm: 'RS256' }
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
      return { key, algorithm: 'ES256' }
    }
    throw new Error('JWT_PUBLIC_KEY must be an RSA key (RS256) or an EC key on the curve P-256 (ES256)')
  }
  if (settings.secret === undefined) throw new Error('JWT_SECRET or JWT_PUBLIC_KEY is needed to verify tokens')
  const secret = Buffer.from(settings.secret)
  if (secret.length < LEAST_SECRET_BYTES) throw new Error(`JWT_SECRET must be at least ${LEAST_SECRET_BYTES} bytes`)
  return { key: createSecretKey(secret), algorithm: 'HS256' }
}
