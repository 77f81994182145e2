/** A queue whose ends are both cheap; `Array.shift` moves every element of a long one. */
export class Fifo<T> {
  #items: T[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Undefined where there is none; 0 is the oldest. */
  at(index: number): T | undefined {
    return index < 0 ? this.#items.at(index) : this.#items[this.#head + index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#head += 1
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  slice(from: number, to?: number): T[] {
    return this.#items.slice(this.#head + from, to === undefined ? undefined : this.#head + to)
  }

  /** Keeps what passes, in its order. */
  filter(keep: (item: T) => boolean): void {
    this.#items = this.slice(0).filter(keep)
    this.#head = 0
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }
}
