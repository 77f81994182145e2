import { createHash, randomBytes } from 'node:crypto'

/** A token that a sign-in gave. */
export interface SignedIn {
  token: string
  expires_at: string
}

/**
 * Links that sign a browser in once, for the embedded mode: what is printed at the start would else be a token to copy. A code
 * stands for a token that is made when it is used, lives in this process only, and is void after its first use; who finds it
 * later in a terminal's scroll-back or a browser's history has nothing.
 */
export interface SignInLinks {
  /** @returns the code of a new link */
  offer(): string
  /** Null for a code that is unknown, used or too old. */
  use(code: string): SignedIn | null
}

const LINK_MS = 24 * 3_600_000
const SESSION_SECONDS = 12 * 3600
const MOST_LINKS = 100

export function createSignInLinks(deps: { makeToken: (seconds: number) => string; now?: () => number }): SignInLinks {
  const { makeToken, now = Date.now } = deps
  const offered = new Map<string, number>()
  return {
    offer() {
      const code = randomBytes(32).toString('base64url')
      offered.set(digestOf(code), now() + LINK_MS)
      for (const oldest of offered.keys()) if (offered.size > MOST_LINKS) offered.delete(oldest)
      return code
    },
    use(code) {
      const digest = digestOf(code)
      const endsAt = offered.get(digest)
      if (endsAt === undefined || !offered.delete(digest) || endsAt < now()) return null
      const expiresAt = new Date(now() + SESSION_SECONDS * 1000)
      return { token: makeToken(SESSION_SECONDS), expires_at: expiresAt.toISOString() }
    },
  }
}

/** Looked up by its hash, so that the time it takes tells nothing about a code. */
function digestOf(code: string): string {
  return createHash('sha256').update(code).digest('base64')
}
