import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Sql } from '../db/database.ts'
import { type Principal, ROLES, TIERS } from './principal.ts'

/** Seconds in which a ticket must be used. */
export const TICKET_SECONDS = 30

const Stored = z.object({
  userId: z.string(),
  role: z.enum(ROLES),
  tier: z.enum(TIERS),
  keyId: z.string().optional(),
  expiresAt: z.string().optional(),
})

export function looksLikeTicket(text: string): boolean {
  return /^tkt_[0-9a-f]{64}$/.test(text)
}

/** A one-time stand-in for the principal's credential, for places where a long-lived one should not be written. */
export async function makeTicket(sql: Sql, principal: Principal): Promise<string> {
  const ticket = `tkt_${randomBytes(32).toString('hex')}`
  const { userId, role, tier, keyId, expiresAt } = principal
  await sql.query({
    text: `INSERT INTO tickets (sha256, principal, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))`,
    values: [sha256(ticket), JSON.stringify({ userId, role, tier, keyId, expiresAt }), TICKET_SECONDS],
  })
  return ticket
}

/** Uses a ticket up. Null when there is none, it was used or it is too old. What it opened ends with the credential behind it. */
export async function useTicket(sql: Sql, ticket: string): Promise<Principal | null> {
  const [row] = await sql.query<{ principal: unknown; fresh: boolean }>({
    text: 'DELETE FROM tickets WHERE sha256 = $1 RETURNING principal, expires_at > now() AS fresh',
    values: [sha256(ticket)],
  })
  if (!row?.fresh) return null
  const { userId, role, tier, keyId, expiresAt } = Stored.parse(row.principal)
  return {
    userId,
    role,
    tier,
    via: 'ticket',
    ...(keyId === undefined ? {} : { keyId }),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
  }
}

function sha256(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest()
}
