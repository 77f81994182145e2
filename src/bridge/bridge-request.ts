import type { HttpResponse } from 'uWebSockets.js'
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { BridgeSocket } from './bridge-socket.ts'
import { hasBody, type RawHeaders } from './framing.ts'

export interface RequestHead {
  method: string
  url: string
  headers: RawHeaders
}

/** How long an answer waits for the rest of a body that nobody reads. */
const REST_MS = 1_000

/** A real `http.IncomingMessage` whose body comes from uWebSockets.js, as fast as it is read. */
export class BridgeRequest extends IncomingMessage {
  #native: HttpResponse | null
  #paused = false
  #drops = false
  #onRead: (() => void) | null = null

  constructor(socket: BridgeSocket, head: RequestHead, native: HttpResponse) {
    super(socket as unknown as Socket)
    this.#native = native
    this.method = head.method
    this.url = head.url
    this.httpVersion = '1.1'
    this.httpVersionMajor = 1
    this.httpVersionMinor = 1
    const flat = head.headers.flat()
    // Node's own rules for repeated headers.
    addHeaderLines.call(this, flat, flat.length)
    if (hasBody(head.headers)) native.onData((chunk, isLast) => this.#receive(chunk, isLast))
    else this.#complete()
  }

  override _read(): void {
    this.#resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
  }

  /**
   * Calls back when the body has been read to its end, at the latest after a second; what nobody listens to is dropped. The
   * answer waits for it: a connection that is closed over unread bytes is reset, which may overtake the answer.
   */
  whenRead(done: () => void): void {
    this.#drops = this.listenerCount('data') + this.listenerCount('readable') === 0
    // A connection that stays paused would not read the next request either.
    if (this.#drops || this.complete) this.#resume()
    if (this.complete || !this.#native) {
      done()
      return
    }
    const timer = setTimeout(() => this.#onRead?.(), REST_MS)
    this.#onRead = () => {
      clearTimeout(timer)
      this.#onRead = null
      this.#resume()
      done()
    }
  }

  /** The exchange is over: the native side may not be touched any more. */
  release(): void {
    if (this.complete) this.#native = null
    else this.clientGone()
  }

  clientGone(): void {
    this.#native = null
    this.#onRead?.()
    if (this.complete || this.aborted) return
    this.aborted = true
    this.emit('aborted')
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
    this.destroy(this.listenerCount('error') > 0 ? reset : undefined)
  }

  #receive(chunk: ArrayBuffer, isLast: boolean): void {
    const wanted = chunk.byteLength > 0 && !this.destroyed && !this.#drops
    // The memory behind the chunk is taken back when this returns.
    const hasRoom = !wanted || this.push(Buffer.from(Buffer.from(chunk)))
    if (isLast) this.#complete()
    else if (!hasRoom && this.#native) {
      this.#paused = true
      this.#native.pause()
    }
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#native?.resume()
  }

  #complete(): void {
    this.complete = true
    if (!this.destroyed) this.push(null)
    this.#onRead?.()
  }
}

/** What Node's own parser calls; the types leave it out. */
const addHeaderLines: (this: IncomingMessage, lines: string[], count: number) => void = Reflect.get(
  IncomingMessage.prototype,
  '_addHeaderLines',
)
