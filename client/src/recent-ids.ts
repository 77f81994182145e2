/** Ids that were seen lately, the oldest forgotten first. */
export class RecentIds {
  readonly #ids = new Set<string>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** @returns false when it was there already */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false
    this.#ids.add(id)
    if (this.#ids.size > this.#most) {
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest)
        break
      }
    }
    return true
  }
}
