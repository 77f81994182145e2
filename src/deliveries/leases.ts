import type { Database } from '../db/database.ts'
import { LEASE_SECONDS } from './claim.ts'

/** The attempts that this worker is making now, and the leases that say so to the others. */
export interface Leases {
  hold(deliveryId: string): void
  release(deliveryId: string): void
  holds(deliveryId: string): boolean
  /** Renews all of them in one statement; what somebody else took meanwhile stays theirs. */
  renew(): Promise<void>
}

/** Four renewals fit into a lease, so three may fail. */
export const RENEW_EVERY_MS = 1_500

export function createLeases(deps: { db: Database; worker: string }): Leases {
  const held = new Set<string>()
  return {
    hold: (deliveryId) => void held.add(deliveryId),
    release: (deliveryId) => void held.delete(deliveryId),
    holds: (deliveryId) => held.has(deliveryId),
    async renew() {
      if (held.size === 0) return
      await deps.db.query({
        name: 'leases-renew',
        // A row that is locked is being recorded or taken over; waiting for several in any order could deadlock.
        text: `UPDATE due SET lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
               WHERE delivery_id IN (SELECT delivery_id FROM due WHERE delivery_id = ANY ($1) AND worker = $2
                 FOR UPDATE SKIP LOCKED)`,
        values: [[...held], deps.worker],
      })
    },
  }
}
