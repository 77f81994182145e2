import type { Principal } from '../identity/principal.ts'
import { type StreamTarget, WILDCARD } from '../streams/stream-name.ts'

export interface Denial {
  code: string
  message: string
}

export interface AccessRules {
  anonymous: readonly string[]
  /** The tiers that may ask for every symbol at once; producers and admins always may. */
  wildcardTiers: readonly string[]
}

/** Why a socket may not have a stream, or null. Asked at every subscription, and again when its token is another. */
export function denialOf(principal: Principal | null, target: StreamTarget, rules: AccessRules): Denial | null {
  if (principal === null && !rules.anonymous.includes(target.channel)) {
    return { code: 'forbidden', message: 'This channel needs a token.' }
  }
  if (target.symbol !== WILDCARD || mayHaveAll(principal, rules)) return null
  return { code: 'forbidden', message: `A wildcard needs the tier ${rules.wildcardTiers.join(' or ')}.` }
}

function mayHaveAll(principal: Principal | null, { wildcardTiers }: AccessRules): boolean {
  if (principal === null) return false
  return principal.role === 'producer' || principal.role === 'admin' || wildcardTiers.includes(principal.tier)
}
