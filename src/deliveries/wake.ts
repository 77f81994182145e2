import { Client } from 'pg'
import type { Database } from '../db/database.ts'

/** Tells the feeders that something is due now. Losing a call costs a second: they also look by themselves. */
export interface Wake {
  wake(): void
}

const CHANNEL = 'ara_due'
/** A NOTIFY takes a lock that all committing notifiers share, so it goes out at most once in so long. */
const COALESCE_MS = 5
const RECONNECT_MS = 1_000

/** Wakes the feeders of all processes. */
export function wakeByNotify(deps: { db: Database; onError: (error: unknown) => void }): Wake {
  let pending = false
  return {
    wake() {
      if (pending) return
      pending = true
      setTimeout(() => {
        pending = false
        deps.db.query({ text: `NOTIFY ${CHANNEL}` }).catch(deps.onError)
      }, COALESCE_MS)
    },
  }
}

/**
 * Hears what `wakeByNotify` sends, on a connection of its own that is made again when it breaks. After each new connection
 * it wakes once, since what was sent meanwhile is lost.
 */
export function listenForWake(deps: { url: string; onWake: () => void; onError: (error: unknown) => void }): {
  close(): Promise<void>
} {
  let closed = false
  let client: Client | undefined
  let timer: NodeJS.Timeout | undefined

  async function connect(): Promise<void> {
    const fresh = new Client({
      connectionString: deps.url,
      application_name: 'ara-events feeder',
      keepAlive: true,
      connectionTimeoutMillis: 2_000,
    })
    client = fresh
    let over = false
    const again = (error?: unknown) => {
      if (over) return
      over = true
      if (error !== undefined) deps.onError(error)
      fresh.end().catch(deps.onError)
      if (!closed) timer = setTimeout(connect, RECONNECT_MS)
    }
    fresh.on('error', again)
    fresh.on('end', () => again())
    fresh.on('notification', deps.onWake)
    try {
      await fresh.connect()
      await fresh.query(`LISTEN ${CHANNEL}`)
      deps.onWake()
    } catch (error) {
      again(error)
    }
  }

  const connecting = connect()
  return {
    async close() {
      closed = true
      clearTimeout(timer)
      await connecting
      await client?.end().catch(deps.onError)
    },
  }
}
