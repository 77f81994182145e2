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

/** Uses the tickets up. Null for each that is unknown, used (also by one before it here) or too old, in their order. */
export async function takeTickets(db: Sql, tickets: readonly string[]): Promise<(Principal | null)[]> {
  const rows = await db.query<Taken>({
    text: `DELETE FROM tickets WHERE sha256 = ANY($1::bytea[])
           RETURNING encode(sha256, 'hex') AS digest, principal, expires_at > now() AS good`,
    values: [tickets.map(sha256Of)],
  })
  const taken = new Map(rows.map((row) => [row.digest, row]))
  return tickets.map((ticket) => {
    const digest = sha256Of(ticket).toString('hex')
    const row = taken.get(digest)
    taken.delete(digest)
    return row?.good ? principalOf(row) : null
  })
}

function principalOf({ principal: { expiresAt, ...rest } }: Taken): Principal {
  return { ...rest, via: 'ticket', ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }) }
}

interface Taken {
  digest: string
  principal: StoredPrincipal
  good: boolean
}

type StoredPrincipal = Omit<Principal, 'expiresAt'> & { expiresAt?: string }

function sha256Of(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest()
}
