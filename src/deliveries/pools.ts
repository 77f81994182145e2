import { Pool } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { guardedConnector, SenderClosed, type Trust } from './connector.ts'

/** One pool of connections for each webhook, so that no two owners share a connection and none waits for another's. */
export interface Pools {
  get(webhookId: string, origin: string): Pool
  /** How many there are now. */
  size(): number
  close(): Promise<void>
}

/** Below what receivers and load balancers keep (Node 5 s, nginx 75 s), so that a connection is rarely closed under a request. */
const KEEP_ALIVE_MS = 4_000
/** A pool that nobody used for a while is closed. */
const IDLE_MS = 60_000
const SWEEP_MS = 15_000
const MOST_CONNECTIONS = 50
/** Above it the longest unused one is closed for a new one: thousands of webhooks with a connection each cost as many files. */
const MOST_POOLS = 1_000
const LARGEST_HEADERS = 16 * 1024

interface Entry {
  pool: Pool
  usedAt: number
}

/** In the order of their last use, so that whoever is to go stands first. */
type Entries = Map<string, Entry>

export function createPools(guard: AddressGuard, trust: Trust, most = MOST_POOLS): Pools {
  const pools: Entries = new Map()
  const connector = guardedConnector(guard, trust)
  const sweep = setInterval(() => closeIdle(pools), SWEEP_MS)
  sweep.unref()
  let closed = false

  function open(origin: string): Pool {
    return new Pool(origin, {
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
  }

  return {
    get(webhookId, origin) {
      if (closed) throw new SenderClosed()
      const key = `${webhookId} ${origin}`
      const entry = pools.get(key) ?? { pool: open(origin), usedAt: 0 }
      entry.usedAt = Date.now()
      pools.delete(key)
      pools.set(key, entry)
      if (pools.size > most) closeLongestUnused(pools)
      return entry.pool
    },
    size: () => pools.size,
    async close() {
      closed = true
      clearInterval(sweep)
      connector.close()
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))
      pools.clear()
    },
  }
}

function closeIdle(pools: Entries): void {
  const oldest = Date.now() - IDLE_MS
  for (const [key, entry] of pools) {
    if (entry.usedAt > oldest) return
    if (isIdle(entry)) closeOne(pools, key, entry)
  }
}

/** The newest is about to be used; of the others those that are busy stay, of which there are no more than attempts under way. */
function closeLongestUnused(pools: Entries): void {
  let left = pools.size - 1
  for (const [key, entry] of pools) {
    left -= 1
    if (left < 0) return
    if (!isIdle(entry)) continue
    closeOne(pools, key, entry)
    return
  }
}

function isIdle({ pool }: Entry): boolean {
  return pool.stats.running === 0 && pool.stats.pending === 0
}

function closeOne(pools: Entries, key: string, { pool }: Entry): void {
  pools.delete(key)
  void pool.close()
}
