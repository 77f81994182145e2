import type { Role } from '../identity/principal.ts'

/** Who changes something, and how they came. */
export interface Author {
  userId: string
  role: Role
  via: 'jwt' | 'api_key' | 'ticket'
  /** The API key's uuid, when they showed one. */
  keyId?: string | undefined
  address: string
  requestId: string
}
