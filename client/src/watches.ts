import type { StreamEvents } from './client-events.ts'
import { callSafely, type Emitter } from './emitter.ts'
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
  asked: boolean
}

const ID = 'watch:'

/** What a client watches of the channel `deliveries`, which has no numbers and nothing to resume. */
export class Watches {
  readonly #watches = new Set<Watch>()
  readonly #emitter: Emitter<StreamEvents>

  constructor(emitter: Emitter<StreamEvents>) {
    this.#emitter = emitter
  }

  add(wish: WatchWish, listener: (attempt: DeliveryAttempt) => void): Watch {
    const watch = { wish, listener, asked: false }
    this.#watches.add(watch)
    return watch
  }

  /** @returns the frame that ends it, unless others watch the same */
  remove(watch: Watch): object | null {
    if (!this.#watches.delete(watch) || !watch.asked) return null
    const isShared = [...this.#watches].some(({ wish }) => wish.webhookId === watch.wish.webhookId)
    return isShared ? null : { type: 'unsubscribe', ...target(watch.wish) }
  }

  /** The frames that this socket was not sent yet. */
  takeUnasked(): object[] {
    return [...this.#watches].flatMap((watch) => {
      if (watch.asked) return []
      watch.asked = true
      const { include } = watch.wish
      return [{ type: 'subscribe', ...target(watch.wish), ...(include ? { include } : {}) }]
    })
  }

  lost(): void {
    for (const watch of this.#watches) watch.asked = false
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
    for (const watch of this.#watches) if ((watch.wish.webhookId ?? '') === webhookId) this.#watches.delete(watch)
    this.#emitter.emit('rejected', { channel: 'deliveries', symbol: null, code, message })
    return true
  }
}

function target({ webhookId }: WatchWish): object {
  return {
    channel: 'deliveries',
    ...(webhookId === undefined ? {} : { webhook_id: webhookId }),
    id: `${ID}${webhookId ?? ''}`,
  }
}
