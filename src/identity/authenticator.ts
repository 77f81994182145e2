import type { Database } from '../db/database.ts'
import { forbidden, unauthorized } from '../errors.ts'
import { type ApiKey, apiKeyExists, findApiKey, looksLikeApiKey, touchApiKey } from './api-keys.ts'
import type { BlockedUsers } from './blocked-users.ts'
import { readClaims } from './claims.ts'
import type { Principal } from './principal.ts'
import { looksLikeTicket, useTicket } from './tickets.ts'
import type { TokenVerifier } from './verify-token.ts'

/** Turns credentials into principals, the same way for REST and for sockets. Refusals are ApiErrors. */
export interface Authenticator {
  verifier: TokenVerifier
  /** Claims that were verified already. */
  fromClaims(claims: unknown): Promise<Principal>
  bearer(token: string): Promise<Principal>
  apiKey(key: string): Promise<Principal>
  /** What a socket may bring: a JWT, an API key or a ticket, which it uses up. */
  stream(token: string): Promise<Principal>
  /** Whether somebody who was let in may stay: not blocked, key not revoked, credential not expired. */
  recheck(principal: Principal): Promise<boolean>
}

/** A key is looked up at most this often, so a revoked one ends within it. */
const KEY_FRESH_MS = 5_000
const TOUCH_MS = 60_000
const MOST_CACHED_KEYS = 10_000

export function createAuthenticator(deps: {
  db: Database
  verifier: TokenVerifier
  blocked: BlockedUsers
  now?: () => number
  onError: (error: unknown) => void
}): Authenticator {
  const { db, verifier, blocked, now = Date.now } = deps
  const keys = new Map<string, { stored: ApiKey; foundAt: number; touchedAt: number }>()

  async function letIn(principal: Principal): Promise<Principal> {
    if (await blocked.has(principal.userId)) throw forbidden('This user is blocked.')
    return principal
  }

  async function lookUp(key: string): Promise<ApiKey> {
    const cached = keys.get(key)
    if (cached && now() - cached.foundAt < KEY_FRESH_MS) return cached.stored
    const stored = await findApiKey(db, key)
    keys.delete(key)
    if (!stored) throw unauthorized('The API key is not valid.')
    if (keys.size >= MOST_CACHED_KEYS) keys.clear()
    const touchedAt = cached?.touchedAt ?? 0
    const due = now() - touchedAt > TOUCH_MS
    keys.set(key, { stored, foundAt: now(), touchedAt: due ? now() : touchedAt })
    if (due) touchApiKey(db, stored.id).catch(deps.onError)
    return stored
  }

  const authenticator: Authenticator = {
    verifier,
    fromClaims: async (claims) => letIn(readClaims(claims)),
    bearer: async (token) => letIn(readClaims(verifier.verify(token))),
    async apiKey(key) {
      if (!looksLikeApiKey(key)) throw unauthorized('The API key is not valid.')
      return letIn(toPrincipal(await lookUp(key)))
    },
    async stream(token) {
      if (looksLikeApiKey(token)) return authenticator.apiKey(token)
      if (!looksLikeTicket(token)) return authenticator.bearer(token)
      const principal = await useTicket(db, token)
      if (!principal) throw unauthorized('The ticket is not valid any more.')
      return letIn(principal)
    },
    async recheck(principal) {
      if (principal.expiresAt && principal.expiresAt.getTime() <= now()) return false
      if (await blocked.has(principal.userId)) return false
      return principal.keyId === undefined || apiKeyExists(db, principal.keyId)
    },
  }
  return authenticator
}

function toPrincipal(stored: ApiKey): Principal {
  return {
    userId: stored.user_id,
    role: stored.role,
    tier: stored.tier,
    via: 'api_key',
    keyId: stored.id,
    ...(stored.expires_at ? { expiresAt: stored.expires_at } : {}),
  }
}
