import type { KeyObject } from 'node:crypto'
import type { JwtHeader } from 'jsonwebtoken'
import { unauthorized } from '../errors.ts'

export type Algorithm = 'HS256' | 'RS256' | 'ES256'

/** What verifies tokens: one key that was configured, or those that an identity provider publishes. */
export interface TokenKeys {
  readonly algorithms: Algorithm[]
  /**
   * The key that must have signed a token with this header, which is the caller's own claim.
   * @throws ApiError 401 when there is none, 503 when the keys cannot be had
   */
  find(header: JwtHeader): Promise<KeyObject>
}

export function singleKey(key: KeyObject, algorithm: Algorithm): TokenKeys {
  return {
    algorithms: [algorithm],
    async find(header) {
      refuseExtensions(header)
      return key
    },
  }
}

/** RFC 7515, section 4.1.11: a token that demands what we do not know must not be taken. */
export function refuseExtensions(header: JwtHeader): void {
  if ('crit' in header) throw unauthorized('The token is not valid.')
}
