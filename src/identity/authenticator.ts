import type { Database } from '../db/database.ts'
import { type MicroBatch, microBatch } from '../db/micro-batch.ts'
import { forbidden, unauthorized } from '../errors.ts'
import { apiKeysAreGood, findApiKeys, type KeyMark, looksLikeApiKey, markOf, touchApiKey } from './api-keys.ts'
import type { BlockedUsers } from './blocked-users.ts'
import type { Principal } from './principal.ts'
import { takeTickets } from './tickets.ts'
import { createTokenVerifier, type JwtSettings, type TokenRules, tokenRules } from './verify-token.ts'

/**
 * Who is asking, by what they show. Refusals are ApiError 401, and 403 for a blocked user. To verify a JWT costs microseconds; a
 * key or a ticket costs a look into the database, so those of suspect addresses, which may come as a flood, are looked up
 * together: up to a thousand in one statement, and one statement at a time.
 */
export interface Authenticator {
  /** How koa-jwt is to check a token on REST; what it finds goes to `claims`. */
  readonly rules: TokenRules
  claims(token: string, verified: unknown): Promise<Principal>
  /**
   * Whose token it is, when it was verified lately: to check a signature is a tenth of what a request costs. At once, but while
   * the list of blocked users is asked for. Rejects with 403 for a blocked user.
   */
  recall(token: string): Principal | Promise<Principal> | undefined
  bearer(token: string): Promise<Principal>
  apiKey(key: string, suspect: boolean): Promise<Principal>
  /** A socket's `?token=`: a JWT, an API key, or a ticket, which is used up by it. */
  stream(token: string, suspect: boolean): Promise<Principal>
  /** When what a principal was let in with ends, in Unix milliseconds: for tokens, the clock skew later than they say. */
  endOf(principal: Principal): number
  /** Whether a principal that was let in may stay: not blocked, not expired, its key not revoked. */
  recheck(principal: Principal): Promise<boolean>
}

const TOUCH_MS = 60_000

export function createAuthenticator(deps: {
  db: Database
  blocked: BlockedUsers
  jwt: JwtSettings
  now?: () => number
  onError?: (error: unknown) => void
}): Authenticator {
  const now = deps.now ?? Date.now
  const rules = tokenRules(deps.jwt, deps.onError)
  const tokens = createTokenVerifier(rules, now)
  const { blocked } = deps
  const touching = new Set<string>()
  const keyIsGood = inOneLane((keys: readonly KeyMark[]) => apiKeysAreGood(deps.db, keys))

  async function unlessBlocked(principal: Principal): Promise<Principal> {
    if (await blocked.has(principal.userId)) throw forbidden('This user is blocked.')
    return principal
  }

  /** Beside the request, never before it; a time that was not written is written by a later use. */
  function noteUse(id: string, lastUsed: Date | null): void {
    if (touching.has(id) || (lastUsed && now() - lastUsed.getTime() < TOUCH_MS)) return
    touching.add(id)
    touchApiKey(deps.db, id)
      .catch((error: unknown) => deps.onError?.(error))
      .finally(() => touching.delete(id))
  }

  const bearer = async (token: string) => unlessBlocked(await tokens.verify(token))
  const findTogether = inOneLane((keys: readonly string[]) => findApiKeys(deps.db, keys))
  const takeTogether = inOneLane((tickets: readonly string[]) => takeTickets(deps.db, tickets))
  const apiKey = async (key: string, suspect: boolean) => {
    if (!looksLikeApiKey(key)) throw unauthorized('The API key is not valid.')
    const row = suspect ? await findTogether(key) : (await findApiKeys(deps.db, [key]))[0]
    if (!row) throw unauthorized('The API key is not valid.')
    noteUse(row.id, row.last_used_at)
    const { user_id: userId, role, tier, expires_at } = row
    const expiry = expires_at === null ? {} : { expiresAt: expires_at }
    return unlessBlocked({ userId, role, tier, via: 'api_key', keyId: row.id, keyMark: markOf(key), ...expiry })
  }
  const ticket = async (text: string, suspect: boolean) => {
    const principal = suspect ? await takeTogether(text) : (await takeTickets(deps.db, [text]))[0]
    if (!principal) throw unauthorized('The ticket is not valid: it works once, within 30 seconds.')
    return unlessBlocked(principal)
  }

  function endOf({ expiresAt, keyId }: Principal): number {
    const skewMs = keyId === undefined ? rules.options.clockTolerance * 1000 : 0
    return expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt.getTime() + skewMs
  }

  return {
    rules,
    claims: async (token, verified) => unlessBlocked(tokens.remember(token, verified)),
    recall(token) {
      const known = tokens.recall(token)
      return known === undefined || blocked.has(known.userId) === false ? known : unlessBlocked(known)
    },
    bearer,
    apiKey,
    stream(token, suspect) {
      if (token.startsWith('ara_')) return apiKey(token, suspect)
      return token.startsWith('tkt_') ? ticket(token, suspect) : bearer(token)
    },
    endOf,
    async recheck(principal) {
      if (now() >= endOf(principal) || (await blocked.has(principal.userId))) return false
      const { keyId, keyMark = '' } = principal
      return keyId === undefined || keyIsGood({ id: keyId, mark: keyMark })
    },
  }
}

function inOneLane<Item, Result>(run: (items: readonly Item[]) => Promise<Result[]>): MicroBatch<Item, Result> {
  return microBatch<Item, Result>({ run, windowMs: 2, maxSize: 1000, maxAtOnce: 1 })
}
