import { setTimeout } from 'node:timers/promises'
import { isTemporary, pauseAfter } from '../server.ts'

/*
 * Everything that is new at a server, each once, over lost connections.
 *
 * The stream is quick and keeps no account; the list over REST is the truth. So what the stream tells is taken at once, and the
 * list is read whenever the stream may have left something out: at the start, after each (re)connection, when it tells of a
 * gap, when too much came at a time, and every so often besides. What was taken is remembered by its id.
 *
 * The list is asked for what is not older than the `floor`. It rises with each list that was read to its end, and stays a
 * minute behind the server's clock: an id and its time are made before the commit that shows them, perhaps by another machine.
 * What lies below the floor was seen or is older than the start, so its id need not be remembered.
 */

/** A commit that takes longer, or clocks of servers that differ by more, could hide something. */
const OVERLAP_MS = 60_000
const MOST_HEARD = 1_000

export interface Item {
  id: string
  /** Milliseconds since 1970, by the server's clock. */
  createdAt: number
}

export interface Source<Taken extends Item> {
  /** How often to read the list when nothing asks for it. */
  everyMs: number
  /** What the server's clock showed last. */
  now(): number
  /** What is not older than `since`, newest first. */
  list(since: number): Promise<(Item & { read(): Promise<Taken | null> })[]>
}

export class Follower<Taken extends Item> {
  readonly #source: Source<Taken>
  readonly #onTrouble: (reason: string, pauseMs: number) => void
  readonly #seen = new Map<string, number>()
  readonly #start: number
  #floor: number
  #heard: Taken[] = []
  #mustLook = true
  #wake: () => void = () => undefined

  constructor(options: {
    source: Source<Taken>
    since: number
    /** The server cannot be asked now. */
    onTrouble?: (reason: string, pauseMs: number) => void
  }) {
    this.#source = options.source
    this.#onTrouble = options.onTrouble ?? (() => undefined)
    this.#start = options.since
    this.#floor = options.since
  }

  /** What the stream told, repeats and all. */
  heard(item: Taken): void {
    if (this.#heard.length < MOST_HEARD) this.#heard.push(item)
    else this.#mustLook = true
    this.#wake()
  }

  /** The stream may have left something out. */
  look(): void {
    this.#mustLook = true
    this.#wake()
  }

  /** Each item once, until the signal. @throws what the source throws when another try would not help */
  async *items(signal: AbortSignal): AsyncGenerator<Taken> {
    for (let failures = 0; !signal.aborted; ) {
      const heard = this.#heard.shift()
      if (heard !== undefined) {
        if (this.#take(heard)) yield heard
      } else if (this.#mustLook) {
        this.#mustLook = false
        try {
          yield* this.#listed(signal)
          failures = 0
        } catch (error) {
          if (signal.aborted) return
          if (!isTemporary(error)) throw error
          this.#mustLook = true
          failures += 1
          const pause = pauseAfter(error, failures, Math.random())
          this.#onTrouble((error as Error).message, pause)
          await setTimeout(pause, undefined, { signal }).catch(() => undefined)
        }
      } else await this.#untilWoken(signal)
    }
  }

  async *#listed(signal: AbortSignal): AsyncGenerator<Taken> {
    const at = this.#source.now()
    const found = await this.#source.list(this.#floor)
    for (const one of found.reverse()) {
      if (signal.aborted) return
      if (!this.#isNew(one)) continue
      const item = await one.read()
      if (item !== null && this.#take(item)) yield item
    }
    this.#rise(at - OVERLAP_MS)
  }

  #take(item: Taken): boolean {
    if (!this.#isNew(item)) return false
    this.#seen.set(item.id, item.createdAt)
    return true
  }

  #isNew({ id, createdAt }: Item): boolean {
    return createdAt >= this.#floor && !this.#seen.has(id)
  }

  #rise(to: number): void {
    this.#floor = Math.max(this.#start, to)
    for (const [id, createdAt] of this.#seen) if (createdAt < this.#floor) this.#seen.delete(id)
  }

  /** Or until it is time to read the list again. */
  async #untilWoken(signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    const either = AbortSignal.any([signal, woken.signal])
    const isTime = await setTimeout(this.#source.everyMs, true, { signal: either }).catch(() => false)
    this.#wake = () => undefined
    if (isTime) this.#mustLook = true
  }
}
