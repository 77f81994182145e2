import type { Database } from '../../src/db/database.ts'
import type { Claim } from '../../src/deliveries/claim.ts'
import { type Fed, type FeedLimits, takeDue, takeLost } from '../../src/deliveries/feed.ts'

/** What a feeder would put into the queues now: what is due and what was lost. Waits while another one is at it. */
export async function takeNow(
  db: Database,
  limits: { most: number } & Partial<Omit<FeedLimits, 'room'>>,
): Promise<Fed[]> {
  const lost = await takeLost(db, limits.most)
  const room = { quick: limits.most - lost.length, slow: limits.most }
  const all = { perWebhook: 1_000, perUser: 0, probeEveryMs: 30_000, ...limits, room }
  for (;;) {
    const due = await takeDue(db, all)
    if (due !== null) return [...lost, ...due]
  }
}

/** The same, in the words of a claim. */
export async function claimsNow(db: Database, limits: Parameters<typeof takeNow>[1]): Promise<Claim[]> {
  return (await takeNow(db, limits)).map(({ deliveryId, attempt }) => ({ deliveryId, attempt }))
}
