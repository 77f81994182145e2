import { Allowance } from './allowance.ts'

/** A frame to send, and how many streams it names. */
export interface Request {
  frame: object
  entries: number
}

/** The server takes 50 frames in a second. After a silence of the network, those of some seconds arrive together. */
const FRAMES = { atOnce: 10, aSecond: 15 }
/** The server takes 4,000 at once and 500 a second. A thousand streams are replaced at once by 2,000. */
const ENTRIES = { atOnce: 3_000, aSecond: 500 }
/** Most rounds end some streams and begin others. */
const A_ROUND = 2

/**
 * What is asked of the server over one connection: never more than it takes, however fast the caller changes its mind.
 *
 * Nothing is queued as it is called for. A round asks for the difference between what is wanted then and what was asked for
 * before, and the next one is gathered when all of it is sent and there is room for another. So what was wanted only in between
 * is never sent, and the first call after a pause goes out at the end of its turn.
 */
export class Outbox {
  readonly #gather: () => Request[]
  readonly #send: (frame: object) => void
  readonly #frames = new Allowance(FRAMES)
  readonly #entries = new Allowance(ENTRIES)
  #round: Request[] = []
  #first: Request | undefined
  #state: 'early' | 'idle' | 'running' | 'over' = 'early'
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor({ gather, send }: { gather: () => Request[]; send: (frame: object) => void }) {
    this.#gather = gather
    this.#send = send
  }

  /** The server has said hello. */
  open(): void {
    this.#state = 'idle'
    this.wake()
  }

  /** There may be something to gather; what comes in the same turn goes together. */
  wake(): void {
    if (this.#state !== 'idle') return
    this.#state = 'running'
    queueMicrotask(() => this.#run())
  }

  /** Before all others, in place of one that still waits. */
  sendFirst(frame: object): void {
    this.#first = { frame, entries: 0 }
    this.wake()
  }

  close(): void {
    this.#state = 'over'
    clearTimeout(this.#timer)
  }

  #run(): void {
    while (this.#state === 'running') {
      const next = this.#first ?? this.#round[0]
      const waitMs = Math.max(this.#frames.waitMs(next ? 1 : A_ROUND), this.#entries.waitMs(next?.entries ?? 0))
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#run(), waitMs)
        return
      }
      if (next) this.#take(next)
      else {
        this.#round = this.#gather()
        if (this.#round.length === 0) this.#state = 'idle'
      }
    }
  }

  #take(next: Request): void {
    if (next === this.#first) this.#first = undefined
    else this.#round.shift()
    this.#frames.take(1)
    this.#entries.take(next.entries)
    this.#send(next.frame)
  }
}
