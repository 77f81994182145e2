import { isWildcard, streamName, wildcardOf } from '../streams/stream-name.ts'
import type { FanOut } from './fan-out.ts'
import { coveredBy, type Listener, type Subscription } from './subscription.ts'

/**
 * Which topics a socket is in, so that each message reaches it once: a stream that a wildcard of the same socket brings is not
 * listened to as well, and while the socket is slow prices come from a slower class.
 */
export interface Listening {
  /**
   * Joins and leaves topics until they are those that the subscriptions need.
   * @param only the subscription that has changed; a wildcard changes the others too
   * @returns how many come otherwise than before
   */
  retune(all: ReadonlyMap<string, Subscription>, only?: string): number
  /** Prices come at most this often; 0 as they were asked for. */
  slowest(everyMs: number): void
  /** What comes less often than it was asked for. */
  degraded(): Subscription[]
}

interface Tuned {
  subscription: Subscription
  everyMs: number
  leave: () => void
}

export function createListening(socket: Listener, { hub, listen }: FanOut): Listening {
  const tuned = new Map<string, Tuned>()
  let slowestMs = 0
  const ifOpen = (work: () => void) => {
    if (socket.state === 'open') work()
  }
  const listener = {
    subscribe: (topic: string) => ifOpen(() => socket.socket.subscribe(topic)),
    unsubscribe: (topic: string) => ifOpen(() => socket.socket.unsubscribe(topic)),
    send: (frame: string) => ifOpen(() => socket.socket.send(frame)),
  }

  function intervalOf({ target, conflateMs }: Subscription): number {
    return wildcardOf(streamName(target)) === null ? 0 : Math.max(conflateMs, slowestMs)
  }

  function neededOf(all: ReadonlyMap<string, Subscription>, name: string): Subscription | undefined {
    const subscription = all.get(name)
    return subscription?.live && !coveredBy(all, name)?.live ? subscription : undefined
  }

  function isTuned(all: ReadonlyMap<string, Subscription>, name: string): boolean {
    const needed = neededOf(all, name)
    const has = tuned.get(name)
    return needed === has?.subscription && (!needed || has?.everyMs === intervalOf(needed))
  }

  return {
    retune(all, only) {
      const names = only === undefined || isWildcard(only) ? new Set([...tuned.keys(), ...all.keys()]) : [only]
      const wrong = [...names].filter((name) => !isTuned(all, name))
      if (wrong.length === 0) return 0
      // What was heard so far still goes to the topics as they were.
      hub.settle()
      for (const name of wrong) {
        tuned.get(name)?.leave()
        tuned.delete(name)
      }
      for (const name of wrong) {
        const subscription = neededOf(all, name)
        if (!subscription) continue
        const everyMs = intervalOf(subscription)
        tuned.set(name, { subscription, everyMs, leave: listen(name, everyMs, listener) })
      }
      return wrong.length
    },
    slowest(everyMs) {
      slowestMs = everyMs
    },
    degraded: () =>
      [...tuned.values()].flatMap(({ subscription, everyMs }) =>
        everyMs > subscription.conflateMs ? [subscription] : [],
      ),
  }
}
