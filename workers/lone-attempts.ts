import type { Claim } from '../src/deliveries/claim.ts'
import type { Attempted } from '../src/deliveries/make-attempt.ts'
import { type LoneChild, type LoneChildDeps, NotBegun, startLoneChild } from './lone-child.ts'

/**
 * Attempts of deliveries that have cut two attempts in a row: they may be what ends its process each time. Each is made in a
 * process that makes no other meanwhile, so that whoever is guilty takes nothing else down, and whoever was only near it proves
 * innocent. A process is started when there is something to do and ends when it is not needed for a while.
 *
 * Where workers are killed again and again, hundreds of deliveries are under suspicion, and no worker lives for long. So there
 * are a few processes, each is told several attempts ahead, and what it was told it makes although its worker has died.
 */
export interface LoneAttempts {
  /** @throws Error when the process ended before it had recorded what came of it */
  make(claim: Claim, signal: AbortSignal): Promise<Attempted | null>
  /** Starts processes for so many attempts, which are about to come. */
  prepare(attempts: number): void
  close(): Promise<void>
}

export interface LoneAttemptsDeps extends Omit<LoneChildDeps, 'onEnd'> {
  onAttempt: (attempted: Attempted) => void
}

/** So many attempts are made at once, each alone in its process. */
export const LONE_PROCESSES = 4
/** Attempts that a process is told: the one that it makes, and those after it. */
const TOLD_AHEAD = 4
/** What can be asked for at once without waiting. */
export const LONE_ATTEMPTS = LONE_PROCESSES * TOLD_AHEAD
const IDLE_MS = 60_000
const CLOSE_MS = 3_000

export function createLoneAttempts(deps: LoneAttemptsDeps): LoneAttempts {
  /** Each with what ends it when it is idle for long. */
  const children = new Map<LoneChild, NodeJS.Timeout>()
  const leaving = new Set<LoneChild>()

  function start(): LoneChild {
    const child = startLoneChild({
      ...deps,
      onEnd() {
        clearTimeout(children.get(child))
        children.delete(child)
        leaving.delete(child)
      },
    })
    children.set(child, endIdle(child))
    return child
  }

  function endIdle(child: LoneChild): NodeJS.Timeout {
    return setTimeout(() => {
      children.delete(child)
      leaving.add(child)
      child.end()
    }, IDLE_MS).unref()
  }

  /** An idle one, else a new one, else the one that was told the least. */
  function choose(): LoneChild {
    const [least] = [...children.keys()].sort((one, other) => one.told() - other.told())
    if (least && (least.told() === 0 || children.size >= LONE_PROCESSES)) return least
    return start()
  }

  async function makeIn(child: LoneChild, claim: Claim, signal: AbortSignal): Promise<Attempted | null> {
    clearTimeout(children.get(child))
    // One of its own for each: the same listener is added once, and whoever ended first would take it from the others.
    const abort = () => child.abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      const made = child.make(claim)
      if (signal.aborted) abort()
      return await made
    } finally {
      signal.removeEventListener('abort', abort)
      if (children.has(child) && child.told() === 0) children.set(child, endIdle(child))
    }
  }

  return {
    async make(claim, signal) {
      for (;;) {
        try {
          const attempted = await makeIn(choose(), claim, signal)
          if (attempted) deps.onAttempt(attempted)
          return attempted
        } catch (error) {
          if (!(error instanceof NotBegun)) throw error
        }
      }
    },
    prepare(attempts) {
      while (children.size < Math.min(attempts, LONE_PROCESSES)) start()
    },
    async close() {
      await Promise.all([...children.keys(), ...leaving].map((child) => child.close(CLOSE_MS)))
    },
  }
}
