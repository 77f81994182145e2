export const ROLES = ['readonly', 'user', 'producer', 'admin'] as const
export const TIERS = ['free', 'pro', 'enterprise'] as const

export type Role = (typeof ROLES)[number]
export type Tier = (typeof TIERS)[number]

export type Permission =
  | 'events:read'
  | 'events:publish'
  | 'webhooks:read'
  | 'webhooks:write'
  | 'keys:read'
  | 'keys:write'
  | 'audit:read'
  | 'streams:read'
  | 'users:block'
  | 'board:open'
  | 'overview:read'

/** Who is asking. `userId` is the token's `sub`, or the owner of the API key. */
export interface Principal {
  userId: string
  role: Role
  tier: Tier
  email?: string
  via: 'jwt' | 'api_key' | 'ticket'
  /** The API key's uuid, when `via` is `api_key`. */
  keyId?: string
  /** Tells a key from the one before it was rotated. */
  keyMark?: string
  /** When the credential ends; absent for keys without an expiry. */
  expiresAt?: Date
}

const READS: readonly Permission[] = ['events:read', 'webhooks:read', 'keys:read', 'audit:read', 'streams:read']
const OWNS: readonly Permission[] = [...READS, 'webhooks:write', 'keys:write']
const GRANTS: Record<Role, readonly Permission[]> = {
  readonly: READS,
  user: OWNS,
  producer: [...OWNS, 'events:publish'],
  admin: [...OWNS, 'events:publish', 'users:block', 'board:open', 'overview:read'],
}

export function may(principal: Principal, permission: Permission): boolean {
  return GRANTS[principal.role].includes(permission)
}

/** Roles in rising order of what they may do. */
export function roleIsAbove(role: Role, other: Role): boolean {
  return ROLES.indexOf(role) > ROLES.indexOf(other)
}
