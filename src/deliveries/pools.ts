import { Pool } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { guardedConnector, SenderClosed, type Trust } from './connector.ts'

/** One pool of connections for each webhook, so that no two owners share a connection and none waits for another's. */
export interface Pools {
  get(webhookId: string, origin: string): Pool
  close(): Promise<void>
}

/** Below what receivers and load balancers keep (Node 5 s, nginx 75 s), so that a connection is rarely closed under a request. */
const KEEP_ALIVE_MS = 4_000
/** A pool that nobody used for a while is closed. */
const IDLE_MS = 60_000
const SWEEP_MS = 15_000
const MOST_CONNECTIONS = 50
const LARGEST_HEADERS = 16 * 1024

export function createPools(guard: AddressGuard, trust: Trust): Pools {
  const pools = new Map<string, { pool: Pool; usedAt: number }>()
  const connector = guardedConnector(guard, trust)
  const sweep = setInterval(() => closeIdle(pools), SWEEP_MS)
  sweep.unref()
  let closed = false
  return {
    get(webhookId, origin) {
      if (closed) throw new SenderClosed()
      const key = `${webhookId} ${origin}`
      let entry = pools.get(key)
      if (!entry) {
        const pool = new Pool(origin, {
          connect: connector.connect,
          connections: MOST_CONNECTIONS,
          pipelining: 1,
          keepAliveTimeout: KEEP_ALIVE_MS,
          keepAliveMaxTimeout: IDLE_MS,
          maxHeaderSize: LARGEST_HEADERS,
          // The attempt has one deadline of its own.
          headersTimeout: 0,
          bodyTimeout: 0,
        })
        entry = { pool, usedAt: Date.now() }
        pools.set(key, entry)
      }
      entry.usedAt = Date.now()
      return entry.pool
    },
    async close() {
      closed = true
      clearInterval(sweep)
      connector.close()
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))
      pools.clear()
    },
  }
}

function closeIdle(pools: Map<string, { pool: Pool; usedAt: number }>): void {
  const oldest = Date.now() - IDLE_MS
  for (const [key, { pool, usedAt }] of pools) {
    if (usedAt > oldest || pool.stats.running > 0 || pool.stats.pending > 0) continue
    pools.delete(key)
    void pool.close()
  }
}
