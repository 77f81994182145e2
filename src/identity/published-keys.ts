import type { JwtHeader } from 'jsonwebtoken'
import { unauthorized, unavailable } from '../errors.ts'
import { fetchJson } from './fetch-json.ts'
import { type PublishedKey, readJwkSet } from './jwk-set.ts'
import { type Algorithm, refuseExtensions, type TokenKeys } from './token-keys.ts'

/*
 * The keys that an identity provider publishes (JWKS_URL). They are fetched by whoever needs them, so an idle process asks
 * nothing, and are kept when the provider is away.
 *
 * A token names its key by `kid`. A name that is not known asks for the set anew, since that is how keys are rotated; but
 * anybody can make up names, so that is done once in ten seconds at most. Nothing else of the header is looked at: `jku`,
 * `x5u` and `jwk` would let a token bring its own key.
 */

/** How old the set may be: a key that the provider has withdrawn verifies no new token after this and a minute. */
const FRESH_MS = 300_000
/** Between two questions for a name that is not known, and after one that failed. */
const ASK_AGAIN_MS = 10_000
/** Before the first set is here every request waits for it. */
const FIRST_ASK_AGAIN_MS = 1_000
const LONGEST_KID = 256
const ALGORITHMS: Algorithm[] = ['RS256', 'ES256']

export function createPublishedKeys(deps: {
  url: string
  now?: () => number
  onError: (error: unknown) => void
}): TokenKeys {
  const { url, onError } = deps
  const now = deps.now ?? Date.now
  let keys: PublishedKey[] | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  let failed = false
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    askedAt = now()
    try {
      keys = readJwkSet(await fetchJson(url))
      failed = false
    } catch (error) {
      failed = true
      onError(new Error('JWKS_URL gave no keys', { cause: error }))
    } finally {
      asking = undefined
    }
  }

  /** Not sooner than `ms` after the last time, however many ask. */
  function askUnless(youngerThanMs: number): Promise<void> {
    if (asking === undefined && now() - askedAt >= youngerThanMs) asking = ask()
    return asking ?? Promise.resolve()
  }

  return {
    algorithms: ALGORITHMS,
    async find(header) {
      refuseExtensions(header)
      const wanted = readHeader(header)
      if (keys === undefined) await askUnless(FIRST_ASK_AGAIN_MS)
      else void askUnless(failed ? ASK_AGAIN_MS : FRESH_MS)
      const known = match(keys ?? [], wanted)
      if (known !== 'unknown') return known.key
      if (keys !== undefined) await askUnless(ASK_AGAIN_MS)
      const found = match(keys ?? [], wanted)
      if (found !== 'unknown') return found.key
      if (failed) throw unavailable('The keys that verify tokens cannot be had at the moment.')
      throw invalidToken()
    },
  }
}

interface Wanted {
  algorithm: string
  kid: string | null
}

function readHeader({ alg, kid }: JwtHeader): Wanted {
  const hasBadName = kid !== undefined && (typeof kid !== 'string' || kid.length > LONGEST_KID)
  if (hasBadName || !ALGORITHMS.some((known) => known === alg)) throw invalidToken()
  return { algorithm: alg, kid: kid ?? null }
}

/** A token without a name is taken only when there is one key that it can mean. */
function match(keys: readonly PublishedKey[], { algorithm, kid }: Wanted): PublishedKey | 'unknown' {
  const meant = kid === null ? keys.filter((one) => one.algorithm === algorithm) : keys.filter((one) => one.kid === kid)
  const [key, ...others] = meant.filter((one) => one.algorithm === algorithm)
  if (key && (kid !== null || others.length === 0)) return key
  // Of a known name with another algorithm, and of several that could be meant, a new set would tell no more.
  if (meant.length > 0) throw invalidToken()
  return 'unknown'
}

function invalidToken(): Error {
  return unauthorized('The token is not valid.')
}
