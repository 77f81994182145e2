/** So many at once, and so many a second when those are used up. */
export class Allowance {
  readonly #atOnce: number
  readonly #aSecond: number
  #left: number
  #at = performance.now()

  constructor({ atOnce, aSecond }: { atOnce: number; aSecond: number }) {
    this.#atOnce = atOnce
    this.#aSecond = aSecond
    this.#left = atOnce
  }

  /** @param count of at most `atOnce` @returns 0 when they may be taken now */
  waitMs(count: number): number {
    const now = performance.now()
    this.#left = Math.min(this.#atOnce, this.#left + ((now - this.#at) * this.#aSecond) / 1000)
    this.#at = now
    return count <= this.#left ? 0 : Math.ceil(((count - this.#left) * 1000) / this.#aSecond)
  }

  take(count: number): void {
    this.#left -= count
  }
}
