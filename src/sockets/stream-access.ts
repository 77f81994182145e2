import type { Principal } from '../identity/principal.ts'
import type { StreamTarget } from '../streams/stream-name.ts'

export interface Denial {
  code: string
  message: string
}

/** Why a socket may not have a stream, or null. Asked at every subscription, and again when its token is another. */
export function denialOf(
  principal: Principal | null,
  target: StreamTarget,
  rules: { anonymous: readonly string[] },
): Denial | null {
  if (principal !== null || rules.anonymous.includes(target.channel)) return null
  return { code: 'forbidden', message: 'This channel needs a token.' }
}
