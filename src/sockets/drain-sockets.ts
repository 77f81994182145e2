import { setTimeout } from 'node:timers/promises'
import type { Producers } from './producers.ts'
import { comeBack } from './socket-limits.ts'
import type { Subscriber } from './subscriber.ts'

const STEP_MS = 50

/**
 * Closes sockets, spread over `ms`, each told a time of its own to come back. Resolves when all that producers sent has its
 * answer and everybody has the code.
 */
export async function drainSockets(
  open: readonly Subscriber[],
  ms: number,
  deps: { producers: Producers; close: (subscriber: Subscriber, code: number, reason: string) => void },
): Promise<void> {
  const steps = Math.max(1, Math.min(open.length, Math.floor(ms / STEP_MS)))
  const endings: Promise<void>[] = []
  for (let step = 0; step < steps; step += 1) {
    if (step > 0) await setTimeout(ms / steps)
    for (const subscriber of open.filter((_, index) => index % steps === step)) endings.push(end(subscriber))
  }
  await Promise.all(endings)

  async function end(subscriber: Subscriber): Promise<void> {
    await deps.producers.finish(subscriber)
    const { code, reason } = comeBack(open.length)
    deps.close(subscriber, code, reason)
  }
}
