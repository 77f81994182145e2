/** As often as a socket may have subscriptions, it may change so many in one go, and each second another half of them. */
const AT_ONCE = 4
const A_SECOND = 0.5
/** Where a socket may have fewer subscriptions it changes as many: clients keep to these. */
const LEAST = 1000

/**
 * What a socket may still change of its subscriptions. Each that begins costs its process and Redis more than a message does,
 * and the number of frames bounds none of it: a frame may hold a thousand.
 */
export class ChangeBudget {
  readonly #subscriptions: number
  #left: number
  #at: number

  /** @param subscriptions as many as a socket may have */
  constructor(subscriptions: number, now: number) {
    this.#subscriptions = Math.max(LEAST, subscriptions)
    this.#left = AT_ONCE * this.#subscriptions
    this.#at = now
  }

  /** @param now `performance.now()` @returns false when it was too much; then nothing was taken */
  spend(changes: number, now: number): boolean {
    const back = ((now - this.#at) / 1000) * A_SECOND * this.#subscriptions
    this.#left = Math.min(AT_ONCE * this.#subscriptions, this.#left + back)
    this.#at = now
    if (changes > this.#left) return false
    this.#left -= changes
    return true
  }
}
