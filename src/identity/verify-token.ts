import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import { unauthorized } from '../errors.ts'

/**
 * JSON Web Tokens (RFC 7519). Which algorithms are accepted follows from the key that is configured, never from the token:
 * a shared secret takes HS256, a public key RS256 or ES256 by its type. `exp` is demanded of every token by `readClaims`.
 */
export interface TokenRules {
  secret?: string | undefined
  publicKey?: string | undefined
  issuer?: string | undefined
  audience?: string | undefined
  clockSkewSeconds: number
}

export interface TokenVerifier {
  /** For koa-jwt, which verifies by the same library. As a `KeyObject`: with a string a verification costs 370 µs, so 8. */
  key: KeyObject
  options: VerifyOptions
  /** @returns the claims, not looked at yet @throws ApiError 401 */
  verify(token: string): unknown
}

interface VerifyOptions {
  algorithms: ('HS256' | 'RS256' | 'ES256')[]
  clockTolerance: number
  issuer?: string
  audience?: string
}

export function createTokenVerifier(rules: TokenRules): TokenVerifier {
  const key = rules.publicKey ? createPublicKey(rules.publicKey) : createSecretKey(Buffer.from(rules.secret ?? ''))
  const options: VerifyOptions = {
    algorithms: [algorithmOf(key)],
    clockTolerance: rules.clockSkewSeconds,
    ...(rules.issuer === undefined ? {} : { issuer: rules.issuer }),
    ...(rules.audience === undefined ? {} : { audience: rules.audience }),
  }
  return {
    key,
    options,
    verify(token) {
      try {
        return jsonwebtoken.verify(token, key, options)
      } catch (error) {
        throw unauthorized(tokenProblem(error))
      }
    },
  }
}

/** What is wrong with a token, without a word of the token itself. */
export function tokenProblem(error: unknown): string {
  if (error instanceof jsonwebtoken.TokenExpiredError) return 'The token has expired.'
  if (error instanceof jsonwebtoken.NotBeforeError) return 'The token is not valid yet.'
  if (error instanceof Error && /issuer|audience/.test(error.message)) return 'The token was not made for this service.'
  return 'The token is not valid.'
}

function algorithmOf(key: KeyObject): 'HS256' | 'RS256' | 'ES256' {
  if (key.type === 'secret') return 'HS256'
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  throw new Error('JWT_PUBLIC_KEY must be an RSA key (RS256) or an EC key on P-256 (ES256)')
}
