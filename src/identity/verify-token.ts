import { createPublicKey, createSecretKey } from 'node:crypto'
import jwt, { type JwtHeader } from 'jsonwebtoken'
import { ApiError, unauthorized } from '../errors.ts'
import { principalOfClaims } from './claims.ts'
import type { Principal } from './principal.ts'
import { createPublishedKeys } from './published-keys.ts'
import { type Algorithm, singleKey, type TokenKeys } from './token-keys.ts'

/*
 * One set of rules for REST (which hands them to koa-jwt) and sockets (`createTokenVerifier`).
 *
 * The key decides the algorithm, so a token cannot choose: neither `none`, nor HS256 signed with the text of a public key.
 * A configured key has one; of published keys each has one, and none is symmetric. Keys are KeyObjects: parsing a text on
 * each request costs 40 times as much.
 */

export interface JwtSettings {
  secret?: string | undefined
  publicKey?: string | undefined
  jwksUrl?: string | undefined
  issuer?: string | undefined
  audience?: string | undefined
  clockSkewSeconds: number
}

export interface TokenRules {
  keys: TokenKeys
  /** For `jwt.verify`, and with the same names for koa-jwt. */
  options: { algorithms: Algorithm[]; clockTolerance: number; issuer?: string; audience?: string }
}

const LEAST_SECRET_BYTES = 32
/** Verified tokens are few next to requests; at 300 bytes each the cache stays within some MB. */
const MOST_CACHED = 10_000
/** Then it is verified again: its key may have been withdrawn. */
const REMEMBERED_MS = 60_000
/** A longer text is no token of ours and not worth a signature check. */
const LONGEST_TOKEN = 8_192

/** @throws when the settings name no key, or one that none of our algorithms uses */
export function tokenRules(settings: JwtSettings, onError: (error: unknown) => void = () => undefined): TokenRules {
  const keys =
    settings.jwksUrl === undefined ? configuredKey(settings) : createPublishedKeys({ url: settings.jwksUrl, onError })
  return {
    keys,
    options: {
      algorithms: keys.algorithms,
      clockTolerance: settings.clockSkewSeconds,
      ...(settings.issuer === undefined ? {} : { issuer: settings.issuer }),
      ...(settings.audience === undefined ? {} : { audience: settings.audience }),
    },
  }
}

/** Good tokens are remembered for a while and no longer than they are good. */
export interface TokenVerifier {
  /** The principal of a token; rejects with ApiError 401 for any that is not good, 503 when the keys cannot be had. */
  verify(token: string): Promise<Principal>
  /** The principal of a token that was verified lately. */
  recall(token: string): Principal | undefined
  /** @param claims those of a token that somebody else has verified by the same rules. @throws ApiError 401 */
  remember(token: string, claims: unknown): Principal
}

export function createTokenVerifier(rules: TokenRules, now: () => number = Date.now): TokenVerifier {
  const verified = new Map<string, { principal: Principal; until: number }>()
  const toleranceMs = rules.options.clockTolerance * 1000

  function recall(token: string): Principal | undefined {
    const known = verified.get(token)
    if (!known) return undefined
    if (now() < known.until) return known.principal
    verified.delete(token)
    return undefined
  }

  function remember(token: string, claims: unknown): Principal {
    const principal = principalOfClaims(claims)
    if (verified.size >= MOST_CACHED) verified.delete(verified.keys().next().value ?? '')
    const ends = (principal.expiresAt?.getTime() ?? 0) + toleranceMs
    verified.set(token, { principal, until: Math.min(ends, now() + REMEMBERED_MS) })
    return principal
  }

  return {
    recall,
    remember,
    verify: async (token) => recall(token) ?? remember(token, await verify(token, rules, now())),
  }
}

async function verify(token: string, rules: TokenRules, now: number): Promise<unknown> {
  if (token.length > LONGEST_TOKEN) throw unauthorized('The token is too long.')
  try {
    const key = await rules.keys.find(headerOf(token))
    return jwt.verify(token, key, { ...rules.options, clockTimestamp: Math.floor(now / 1000) })
  } catch (error) {
    throw refusedToken(error)
  }
}

function headerOf(token: string): JwtHeader {
  const decoded = jwt.decode(token, { complete: true })
  if (decoded === null) throw new Error('It is no token')
  return decoded.header
}

/** What the caller is told about a token that did not verify: only an expired one is worth another word. */
export function refusedToken(error: unknown): Error {
  if (error instanceof ApiError) return error
  const expired = error instanceof Error && error.name === 'TokenExpiredError'
  return unauthorized(expired ? 'The token has expired.' : 'The token is not valid.')
}

function configuredKey(settings: JwtSettings): TokenKeys {
  if (settings.publicKey !== undefined) {
    const key = createPublicKey(settings.publicKey)
    if (key.asymmetricKeyType === 'rsa') return singleKey(key, 'RS256')
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
      return singleKey(key, 'ES256')
    }
    throw new Error('JWT_PUBLIC_KEY must be an RSA key (RS256) or an EC key on the curve P-256 (ES256)')
  }
  if (settings.secret === undefined)
    throw new Error('JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL is needed to verify tokens')
  const secret = Buffer.from(settings.secret)
  if (secret.length < LEAST_SECRET_BYTES) throw new Error(`JWT_SECRET must be at least ${LEAST_SECRET_BYTES} bytes`)
  return singleKey(createSecretKey(secret), 'HS256')
}
