import type { Database, Sql } from '../db/database.ts'

/** The users an admin has blocked, as this process knows them: at most five seconds old. */
export interface BlockedUsers {
  has(userId: string): Promise<boolean>
  /** Looks again at once, after a change made here. */
  forget(): void
}

const FRESH_MS = 5_000

export function createBlockedUsers(db: Database, now: () => number = Date.now): BlockedUsers {
  let known: Promise<Set<string>> | undefined
  let readAt = 0

  async function read(): Promise<Set<string>> {
    const rows = await db.query<{ user_id: string }>({
      name: 'blocked-users',
      text: 'SELECT user_id FROM users_blocked',
    })
    return new Set(rows.map((row) => row.user_id))
  }

  return {
    async has(userId) {
      if (known === undefined || now() - readAt > FRESH_MS) {
        const last = known
        readAt = now()
        // While the database is away what was known last still holds; without any, nobody can be let in.
        known = read().catch((error) => {
          if (last === undefined) {
            known = undefined
            throw error
          }
          return last
        })
      }
      return (await known).has(userId)
    },
    forget() {
      readAt = 0
    },
  }
}

export async function blockUser(sql: Sql, userId: string, by: string): Promise<void> {
  await sql.query({
    text: 'INSERT INTO users_blocked (user_id, blocked_by) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values: [userId, by],
  })
}

export async function unblockUser(sql: Sql, userId: string): Promise<void> {
  await sql.query({ text: 'DELETE FROM users_blocked WHERE user_id = $1', values: [userId] })
}
