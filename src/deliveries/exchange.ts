import type { Dispatcher } from 'undici'

/** Why a request was ended before its answer was complete. */
export class Stopped extends Error {
  readonly kind: 'timeout' | 'aborted' | 'too_large'

  constructor(kind: 'timeout' | 'aborted' | 'too_large') {
    super(kind)
    this.kind = kind
  }
}

export interface Answer {
  status: number
  headers: Record<string, string | string[]>
  /** The first `MOST_KEPT` bytes of it. */
  body: Buffer
}

/** Read so much of an answer, so that the connection can be kept; more is not an answer to a webhook. */
export const MOST_READ = 64 * 1024
const MOST_KEPT = 16 * 1024
/** Interim answers (1xx) before the answer; nobody has a use for many, and each costs as much as an answer. */
export const MOST_HINTS = 20

/**
 * One request and its answer, with one deadline over all of it: undici's own would begin only once there is a connection. It takes
 * the answer as undici reads it, without a stream for its body.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>
  #resolve!: (answer: Answer) => void
  #reject!: (error: unknown) => void
  #controller: Dispatcher.DispatchController | undefined
  #stopped: Stopped | undefined
  readonly #timer: NodeJS.Timeout
  #status = 0
  #headers: Answer['headers'] = {}
  #hints = 0
  #read = 0
  readonly #kept: Buffer[] = []

  constructor(timeoutMs: number) {
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setTimeout(() => this.stop('timeout'), timeoutMs)
  }

  /** Ends the request with its connection. What has ended already stays as it is. */
  stop(kind: Stopped['kind']): void {
    if (this.#stopped) return
    this.#stopped = new Stopped(kind)
    this.#end(() => this.#reject(this.#stopped))
    this.#controller?.abort(this.#stopped)
  }

  get stopped(): boolean {
    return this.#stopped !== undefined
  }

  /** It could not even begin. */
  fail(error: unknown): void {
    this.#end(() => this.#reject(error))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It was still waiting for a connection.
    if (this.#stopped) controller.abort(this.#stopped)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Answer['headers']): void {
    if (status < 200) {
      this.#hints += 1
      if (this.#hints > MOST_HINTS) this.stop('too_large')
      return
    }
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#read < MOST_KEPT) this.#kept.push(chunk.subarray(0, MOST_KEPT - this.#read))
    this.#read += chunk.length
    if (this.#read > MOST_READ) this.stop('too_large')
  }

  onResponseEnd(): void {
    // A copy, so that what is kept of an answer does not keep all that was read with it.
    this.#end(() => this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#kept) }))
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error)
  }

  #end(settle: () => void): void {
    clearTimeout(this.#timer)
    settle()
  }
}
