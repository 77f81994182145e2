import type { HttpResponse } from 'uWebSockets.js'

/**
 * The body of an answer that comes in parts. With a declared length it is sent sized, which is never exceeded and whose
 * shortfall closes the connection; otherwise chunked. `write` says whether there is room for more, as a stream does.
 */
export class BodyWriter {
  #native: HttpResponse | null
  readonly #length: number | undefined
  readonly #silent: boolean
  readonly #closes: () => boolean
  /** What a sized answer could not send yet. */
  #waiting: Buffer[] = []
  #sent = 0
  #onEnd: (() => void) | null = null
  #over = false

  constructor(
    native: HttpResponse | null,
    options: { length: number | undefined; silent: boolean; closes: () => boolean; onDrain: () => void },
  ) {
    this.#native = native
    this.#length = options.length
    this.#silent = options.silent
    this.#closes = options.closes
    native?.onWritable(() => {
      const drained = this.#sendWaiting()
      if (drained && this.#onEnd === null) options.onDrain()
      return drained
    })
  }

  write(chunk: Buffer): boolean {
    const native = this.#native
    if (!native || this.#silent || chunk.length === 0) return true
    if (this.#length === undefined) return corked(native, () => native.write(chunk))
    this.#waiting.push(chunk)
    return this.#waiting.length > 1 ? false : this.#sendWaiting()
  }

  end(chunk: Buffer, onEnd: () => void): void {
    const native = this.#native
    this.#onEnd = onEnd
    // The declared length was reached before the stream said that it has ended.
    if (this.#over) onEnd()
    if (!native) return
    if (this.#silent) corked(native, () => endWithoutBody(native, this.#length, this.#closes()))
    else if (this.#length === undefined) corked(native, () => native.end(chunk, this.#closes()))
    else {
      this.write(chunk)
      if (!this.#over && this.#waiting.length === 0) native.close()
      return
    }
    this.#finish()
  }

  /** The client has gone. */
  abandon(): void {
    this.#native = null
    this.#waiting = []
  }

  /** @returns whether all of it is out */
  #sendWaiting(): boolean {
    const native = this.#native
    if (!native || this.#length === undefined) return true
    for (let chunk = this.#waiting[0]; chunk; chunk = this.#waiting[0]) {
      const [ok, done] = this.#tryToSend(native, chunk.subarray(0, this.#length - this.#sent))
      if (done) {
        this.#finish()
        return true
      }
      if (!ok) return false
      this.#waiting.shift()
    }
    // All of it is out and less than was declared.
    if (this.#onEnd) native.close()
    return true
  }

  #tryToSend(native: HttpResponse, chunk: Buffer): [boolean, boolean] {
    const length = this.#length ?? 0
    if (chunk.length === 0) return [true, false]
    const before = native.getWriteOffset()
    const [ok, done] = corked(native, () => native.tryEnd(chunk, length))
    if (done) return [ok, true]
    const written = native.getWriteOffset() - before
    this.#sent += ok ? chunk.length : written
    if (!ok) this.#waiting[0] = chunk.subarray(written)
    return [ok, false]
  }

  #finish(): void {
    this.#over = true
    this.abandon()
    this.#onEnd?.()
  }
}

/** The library takes a length that is left out for none, and one that is `undefined` for a number. */
export function endWithoutBody(native: HttpResponse, length: number | undefined, closes: boolean): void {
  if (length === undefined && !closes) native.endWithoutBody()
  else native.endWithoutBody(length ?? 0, closes)
}

function corked<T>(native: HttpResponse, work: () => T): T {
  let result: T | undefined
  native.cork(() => {
    result = work()
  })
  return result as T
}
