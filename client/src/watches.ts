import type { StreamEvents } from './client-events.ts'
import { callSafely, type Emitter } from './emitter.ts'
import type { Request } from './outbox.ts'
import type { DeliveryAttempt, ErrorFrame } from './server-frames.ts'

/** Which webhooks' attempts to watch. */
export interface WatchWish {
  /** `wh_…`; all of your own when left out. */
  webhookId?: string
  /** With the headers and the body of each request, as to forward it. */
  include?: 'request'
}

export interface DeliveryWatch {
  stop(): void
}

interface Watch {
  wish: WatchWish
  listener: (attempt: DeliveryAttempt) => void
}

const ID = 'watch:'
/** Each takes a frame, and streams are not to wait for a hundred of them. */
const MOST_A_ROUND = 4

/** What a client watches of the channel `deliveries`, which has no numbers and nothing to resume. */
export class Watches {
  readonly #watches = new Set<Watch>()
  /** What this socket was asked for, by webhook. */
  readonly #asked = new Map<string, WatchWish>()
  readonly #emitter: Emitter<StreamEvents>

  constructor(emitter: Emitter<StreamEvents>) {
    this.#emitter = emitter
  }

  add(wish: WatchWish, listener: (attempt: DeliveryAttempt) => void): Watch {
    const watch = { wish, listener }
    this.#watches.add(watch)
    return watch
  }

  remove(watch: Watch): void {
    this.#watches.delete(watch)
  }

  /** Some of what makes the watches of this socket those that are wanted, one for each webhook; the rest is for another round. */
  takeRequests(): Request[] {
    const wanted = this.#wanted()
    const left = [...this.#asked].filter(([key]) => !wanted.has(key))
    const unasked = [...wanted].filter(([key, { include }]) => {
      const asked = this.#asked.get(key)
      return !asked || (include && !asked.include)
    })
    const requests = [
      ...left.map((one) => ({ type: 'unsubscribe', one }) as const),
      ...unasked.map((one) => ({ type: 'subscribe', one }) as const),
    ].slice(0, MOST_A_ROUND)
    return requests.map(({ type, one: [key, wish] }) => {
      if (type === 'subscribe') this.#asked.set(key, wish)
      else this.#asked.delete(key)
      const include = type === 'subscribe' && wish.include ? { include: wish.include } : {}
      return { frame: { type, ...target(wish), ...include }, entries: 1 }
    })
  }

  lost(): void {
    this.#asked.clear()
  }

  received(attempt: DeliveryAttempt): void {
    for (const { wish, listener } of this.#watches) {
      if (wish.webhookId === undefined || wish.webhookId === attempt.webhook_id) callSafely(listener, attempt)
    }
  }

  /** @returns whether the error was about a watch */
  refused({ id, code, message }: ErrorFrame): boolean {
    const text = String(id ?? '')
    if (!text.startsWith(ID)) return false
    const webhookId = text.slice(ID.length)
    for (const watch of this.#watches) if (keyOf(watch.wish) === webhookId) this.#watches.delete(watch)
    this.#asked.delete(webhookId)
    this.#emitter.emit('rejected', { channel: 'deliveries', symbol: null, code, message })
    return true
  }

  /** With requests where one of those that watch a webhook wants them. */
  #wanted(): Map<string, WatchWish> {
    const wanted = new Map<string, WatchWish>()
    for (const { wish } of this.#watches) wanted.set(keyOf(wish), { ...wanted.get(keyOf(wish)), ...wish })
    return wanted
  }
}

function keyOf({ webhookId }: WatchWish): string {
  return webhookId ?? ''
}

function target({ webhookId }: WatchWish): object {
  return {
    channel: 'deliveries',
    ...(webhookId === undefined ? {} : { webhook_id: webhookId }),
    id: `${ID}${webhookId ?? ''}`,
  }
}
