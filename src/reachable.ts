import { setTimeout } from 'node:timers/promises'
import { cannotReach } from './start-error.ts'
import type { Logger } from './telemetry/log.ts'

const AGAIN_MS = 500
const GIVE_UP_MS = 60_000

/**
 * Waits for a store before anything is built on it: a queue or a worker that is built while its store is away may stay dead.
 * @throws StartError with the last reason, after a minute
 */
export async function untilReachable(name: string, check: () => Promise<unknown>, log: Logger): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS
  for (let tries = 0; ; tries += 1) {
    try {
      await check()
      return
    } catch (error) {
      if (performance.now() > deadline) throw cannotReach(name, error)
      // A connection that was made a moment ago is often not ready yet; that is no news.
      if (tries === 2) log.warn({ err: error, store: name }, 'store.unreachable')
    }
    await setTimeout(AGAIN_MS)
  }
}
