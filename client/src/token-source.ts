export type TokenOption = string | (() => string | Promise<string>) | undefined

/** With a token that was just got and is refused, once more, another one would not help. */
const REFUSALS_IN_A_ROW = 2

/** Where tokens come from, and whether another one may help. */
export class TokenSource {
  readonly #option: TokenOption
  #last: string | undefined
  #refusals = 0

  constructor(option: TokenOption) {
    this.#option = option
  }

  get canRenew(): boolean {
    return typeof this.#option === 'function'
  }

  /**
   * @returns `isRefused` when it is the very token that was refused
   * @throws what the callback throws
   */
  async next(): Promise<{ value: string | undefined; isRefused: boolean }> {
    const value = typeof this.#option === 'function' ? await this.#option() : this.#option
    const isRefused = this.#refusals > 0 && value === this.#last
    this.#last = value
    return { value, isRefused }
  }

  taken(): void {
    this.#refusals = 0
  }

  /** @returns whether another token may be taken */
  refused(): boolean {
    this.#refusals += 1
    return this.canRenew && this.#refusals < REFUSALS_IN_A_ROW
  }
}
