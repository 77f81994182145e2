import type { HttpResponse } from 'uWebSockets.js'

/**
 * What fits into the library's cork buffer of 16 KiB together with the frame of a chunk. It loses the data of a larger chunk
 * when the connection cannot even take the frame before it.
 */
export const CORKED_BYTES = 16_000

/**
 * The body of an answer that comes in parts. With a declared length it is sent sized, which is never exceeded and whose
 * shortfall closes the connection; otherwise chunked. `write` says whether there is room for more, as a stream does.
 */
export class BodyWriter {
  #native: HttpResponse | null
  readonly #length: number | undefined
  readonly #silent: boolean
  readonly #onDrain: () => void
  /** What the connection could not take yet. */
  #waiting: Buffer[] = []
  /** Bytes taken over from the stream. */
  #accepted = 0
  #full = false
  #onEnd: (() => void) | null = null

  constructor(
    native: HttpResponse | null,
    options: { length: number | undefined; silent: boolean; onDrain: () => void },
  ) {
    this.#native = native
    this.#length = options.length
    this.#silent = options.silent
    this.#onDrain = options.onDrain
    native?.onWritable(() => this.#onWritable(native))
  }

  write(chunk: Buffer): boolean {
    const part = chunk.subarray(0, this.#length === undefined ? chunk.length : this.#length - this.#accepted)
    if (!this.#native || this.#silent || part.length === 0) return true
    this.#waiting.push(part)
    this.#accepted += part.length
    this.#full = !this.#send()
    return !this.#full
  }

  end(chunk: Buffer, onEnd: () => void): void {
    this.write(chunk)
    this.#onEnd = onEnd
    if (this.#native) this.#send()
  }

  /** The client has gone. */
  abandon(): void {
    this.#native = null
    this.#waiting = []
  }

  #onWritable(native: HttpResponse): boolean {
    // What the library holds back goes out with the next write only, and there may be none for long.
    native.cork(() => undefined)
    if (!this.#send()) return false
    if (this.#full) {
      this.#full = false
      this.#onDrain()
    }
    return true
  }

  /** @returns whether all of it is out */
  #send(): boolean {
    for (let chunk = this.#waiting[0]; chunk && this.#native; chunk = this.#waiting[0]) {
      // The last bytes of a sized body end the exchange, so they wait for the end of the stream.
      if (this.#accepted === this.#length && this.#waiting.length === 1 && !this.#onEnd) break
      const sent = this.#length === undefined ? sendChunk(this.#native, chunk) : this.#sendSized(this.#native, chunk)
      if (sent.bytes === chunk.length) this.#waiting.shift()
      else this.#waiting[0] = chunk.subarray(sent.bytes)
      if (!sent.hasRoom) return false
    }
    if (this.#native && this.#onEnd) this.#finish(this.#native)
    return true
  }

  #sendSized(native: HttpResponse, chunk: Buffer): Sent {
    const before = native.getWriteOffset()
    const [ok, over] = corked(native, () => native.tryEnd(chunk, this.#length ?? 0))
    if (over) this.#over()
    return { hasRoom: ok || over, bytes: ok || over ? chunk.length : native.getWriteOffset() - before }
  }

  /** All parts are out. */
  #finish(native: HttpResponse): void {
    if (this.#silent) corked(native, () => native.endWithoutBody())
    else if (this.#accepted < (this.#length ?? 0)) return void native.close()
    else corked(native, () => native.end())
    this.#over()
  }

  #over(): void {
    this.abandon()
    this.#onEnd?.()
  }
}

interface Sent {
  hasRoom: boolean
  bytes: number
}

function sendChunk(native: HttpResponse, chunk: Buffer): Sent {
  const part = chunk.subarray(0, CORKED_BYTES)
  return { hasRoom: corked(native, () => native.write(part)), bytes: part.length }
}

function corked<T>(native: HttpResponse, work: () => T): T {
  let result: T | undefined
  native.cork(() => {
    result = work()
  })
  return result as T
}
