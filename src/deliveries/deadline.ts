import { EventEmitter } from 'node:events'

/** Why a request was ended before its answer was complete. */
export class Stopped extends Error {
  readonly kind: 'timeout' | 'aborted' | 'too_large'

  constructor(kind: 'timeout' | 'aborted' | 'too_large') {
    super(kind)
    this.kind = kind
  }
}

/** The end of one request, in the form undici takes for a signal: an emitter of `abort` costs a tenth of an AbortSignal. */
export class Deadline extends EventEmitter {
  reason: Stopped | undefined
  /** Rejects when the request is to end. */
  readonly over: Promise<never>
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number) {
    super()
    this.over = new Promise((_, reject) => this.once('abort', () => reject(this.reason)))
    // Whoever races it may have been answered already.
    this.over.catch(() => undefined)
    this.#timer = setTimeout(() => this.abort('timeout'), timeoutMs)
  }

  get aborted(): boolean {
    return this.reason !== undefined
  }

  abort(kind: Stopped['kind']): void {
    if (this.reason) return
    this.reason = new Stopped(kind)
    this.emit('abort')
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}

export interface Deadlines {
  begin(timeoutMs: number, signal: AbortSignal | undefined): Deadline
  end(deadline: Deadline, signal: AbortSignal | undefined): void
}

/** Hundreds of requests share the signal that stops their worker, so it gets one listener for all of them. */
export function createDeadlines(): Deadlines {
  const bySignal = new WeakMap<AbortSignal, Set<Deadline>>()

  function runningUnder(signal: AbortSignal): Set<Deadline> {
    const known = bySignal.get(signal)
    if (known) return known
    const running = new Set<Deadline>()
    bySignal.set(signal, running)
    signal.addEventListener('abort', () => abortAll(running), { once: true })
    return running
  }

  return {
    begin(timeoutMs, signal) {
      const deadline = new Deadline(timeoutMs)
      if (signal?.aborted) deadline.abort('aborted')
      else if (signal) runningUnder(signal).add(deadline)
      return deadline
    },
    end(deadline, signal) {
      deadline.clear()
      if (signal) bySignal.get(signal)?.delete(deadline)
    },
  }
}

function abortAll(running: ReadonlySet<Deadline>): void {
  for (const deadline of running) deadline.abort('aborted')
}
