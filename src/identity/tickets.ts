import { createHash } from 'node:crypto'
import type { Sql } from '../db/database.ts'
import { publicId, uuidv7 } from '../ids.ts'
import type { Principal } from './principal.ts'

export const TICKET_SECONDS = 30

/** @returns a ticket that stands for `principal` once, within 30 seconds */
export async function makeTicket(db: Sql, principal: Principal): Promise<string> {
  const ticket = publicId('tkt', uuidv7())
  // Those that nobody used go along; skipping locked rows, since two such sweeps could wait for each other.
  await db.query({
    text: `WITH unused AS (
             DELETE FROM tickets WHERE sha256 IN
               (SELECT sha256 FROM tickets WHERE expires_at < now() LIMIT 100 FOR UPDATE SKIP LOCKED))
           INSERT INTO tickets (sha256, principal, expires_at)
           VALUES ($1, $2, now() + make_interval(secs => $3))`,
    values: [sha256Of(ticket), JSON.stringify(principal), TICKET_SECONDS],
  })
  return ticket
}

/** Uses the ticket up. Null when it is unknown, used or too old. */
export async function takeTicket(db: Sql, ticket: string): Promise<Principal | null> {
  const [row] = await db.query<{ principal: StoredPrincipal; good: boolean }>({
    text: 'DELETE FROM tickets WHERE sha256 = $1 RETURNING principal, expires_at > now() AS good',
    values: [sha256Of(ticket)],
  })
  if (!row?.good) return null
  const { expiresAt, ...rest } = row.principal
  return { ...rest, via: 'ticket', ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }) }
}

type StoredPrincipal = Omit<Principal, 'expiresAt'> & { expiresAt?: string }

function sha256Of(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest()
}
