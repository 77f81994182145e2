import type { Author } from '../audit/author.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Database, Sql } from '../db/database.ts'

/** Which users are blocked: a copy of a small table, so that no request asks PostgreSQL for it. */
export interface BlockedUsers {
  has(userId: string): boolean | Promise<boolean>
  /** This process asks anew at the next question; the others within seconds. */
  forget(): void
}

/** A block must be obeyed within 10 s in every process. */
const FRESH_MS = 4_000
/** While PostgreSQL is away the last copy counts, and asking again on every request would only slow them. */
const RETRY_MS = 1_000

/** The copy is renewed by whoever asks when it is old: an idle process asks nothing. */
export function createBlockedUsers(deps: { db: Sql; now?: () => number }): BlockedUsers {
  const now = deps.now ?? Date.now
  let copy: ReadonlySet<string> | undefined
  let askAgainAt = 0
  let asking: Promise<ReadonlySet<string>> | undefined

  async function renew(): Promise<ReadonlySet<string>> {
    try {
      const rows = await deps.db.query<{ user_id: string }>({ text: 'SELECT user_id FROM users_blocked' })
      copy = new Set(rows.map((row) => row.user_id))
      askAgainAt = now() + FRESH_MS
      return copy
    } catch (error) {
      askAgainAt = now() + RETRY_MS
      if (copy) return copy
      throw error
    } finally {
      asking = undefined
    }
  }

  return {
    has(userId) {
      if (copy && now() < askAgainAt) return copy.has(userId)
      asking ??= renew()
      return asking.then((fresh) => fresh.has(userId))
    },
    forget() {
      askAgainAt = 0
    },
  }
}

export async function blockUser(db: Database, userId: string, by: Author): Promise<void> {
  await db.transaction(async (sql) => {
    const blocked = await sql.query({
      text: 'INSERT INTO users_blocked (user_id, blocked_by) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING RETURNING 1',
      values: [userId, by.userId],
    })
    if (blocked.length > 0) await recordChange(sql, by, { action: 'user.blocked', target: userId, ownerId: userId })
  })
}

export async function unblockUser(db: Database, userId: string, by: Author): Promise<void> {
  await db.transaction(async (sql) => {
    const text = 'DELETE FROM users_blocked WHERE user_id = $1 RETURNING 1'
    const unblocked = await sql.query({ text, values: [userId] })
    if (unblocked.length > 0) await recordChange(sql, by, { action: 'user.unblocked', target: userId, ownerId: userId })
  })
}
