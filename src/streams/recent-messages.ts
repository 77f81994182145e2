import type { Numbered } from './backplane.ts'
import { Fifo } from './fifo.ts'

/**
 * The last messages of a stream as this process spread them: who was away shortly is served from here, and whoever reads the
 * history finds here what came meanwhile. They are consecutive.
 */
export class RecentMessages {
  readonly #messages = new Fifo<Numbered>()
  #bytes = 0
  #wideUntil = 0

  push({ seq, frame }: Numbered): void {
    this.#messages.push({ seq, frame })
    this.#bytes += frame.length
    const most = this.#wideUntil === 0 ? USUAL : this.#limits()
    while (this.#messages.length > most.messages || (this.#bytes > most.bytes && this.#messages.length > 1)) {
      this.#bytes -= this.#messages.shift()?.frame.length ?? 0
    }
  }

  /** All that came after a number; null when that begins before what is here. */
  after(seq: number): readonly Numbered[] | null {
    const first = this.#messages.at(0)
    if (!first || first.seq > seq + 1) return null
    return this.#messages.slice(seq + 1 - first.seq)
  }

  /** Keeps more for a while: somebody reads the history, and the stream goes on. */
  widen(): void {
    this.#wideUntil = performance.now() + WIDE_MS
  }

  /** The next message is not the one after the last. */
  clear(): void {
    this.#messages.clear()
    this.#bytes = 0
  }

  #limits() {
    if (performance.now() < this.#wideUntil) return WIDE
    this.#wideUntil = 0
    return USUAL
  }
}

const USUAL = { messages: 100, bytes: 32 * 1024 }
const WIDE = { messages: 5_000, bytes: 2 * 1024 * 1024 }
const WIDE_MS = 5_000
