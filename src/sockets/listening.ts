import type { ConflatedListener } from '../streams/conflation.ts'
import { isWildcard, streamName, wildcardOf } from '../streams/stream-name.ts'
import type { FanOut } from './fan-out.ts'
import { coveredBy, type Listener, type Subscription } from './subscription.ts'

/**
 * Which topics a socket is in, so that each message reaches it once: a stream that a wildcard of the same socket brings is not
 * listened to as well, and while the socket is slow prices come from a slower class.
 */
export class Listening implements ConflatedListener {
  readonly #listener: Listener
  readonly #streams: FanOut
  readonly #tuned = new Map<string, Tuned>()
  #slowestMs = 0

  constructor(listener: Listener, streams: FanOut) {
    this.#listener = listener
    this.#streams = streams
  }

  /**
   * Joins and leaves topics until they are those that the subscriptions need.
   * @param only the subscription that has changed; a wildcard changes the others too
   * @returns how many come otherwise than before
   */
  retune(all: ReadonlyMap<string, Subscription>, only?: string): number {
    const names = only === undefined || isWildcard(only) ? new Set([...this.#tuned.keys(), ...all.keys()]) : [only]
    const wrong = [...names].filter((name) => !this.#isTuned(all, name))
    if (wrong.length === 0) return 0
    // What was heard so far still goes to the topics as they were.
    this.#streams.hub.settle()
    for (const name of wrong) {
      this.#tuned.get(name)?.leave()
      this.#tuned.delete(name)
    }
    for (const name of wrong) {
      const subscription = neededOf(all, name)
      if (!subscription) continue
      const everyMs = this.#intervalOf(subscription)
      this.#tuned.set(name, { subscription, everyMs, leave: this.#streams.listen(name, everyMs, this) })
    }
    return wrong.length
  }

  /** Prices come at most this often; 0 as they were asked for. */
  slowest(everyMs: number): void {
    this.#slowestMs = everyMs
  }

  /** What comes less often than it was asked for. */
  degraded(): Subscription[] {
    return [...this.#tuned.values()].flatMap(({ subscription, everyMs }) =>
      everyMs > subscription.conflateMs ? [subscription] : [],
    )
  }

  subscribe(topic: string): void {
    if (this.#listener.state === 'open') this.#listener.socket.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    if (this.#listener.state === 'open') this.#listener.socket.unsubscribe(topic)
  }

  send(frame: string): void {
    if (this.#listener.state === 'open') this.#listener.socket.send(frame)
  }

  #isTuned(all: ReadonlyMap<string, Subscription>, name: string): boolean {
    const needed = neededOf(all, name)
    const has = this.#tuned.get(name)
    return needed === has?.subscription && (!needed || has?.everyMs === this.#intervalOf(needed))
  }

  #intervalOf({ target, conflateMs }: Subscription): number {
    return wildcardOf(streamName(target)) === null ? 0 : Math.max(conflateMs, this.#slowestMs)
  }
}

interface Tuned {
  subscription: Subscription
  everyMs: number
  leave: () => void
}

function neededOf(all: ReadonlyMap<string, Subscription>, name: string): Subscription | undefined {
  const subscription = all.get(name)
  return subscription?.live && !coveredBy(all, name)?.live ? subscription : undefined
}
