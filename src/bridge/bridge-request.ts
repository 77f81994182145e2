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

/** A real `http.IncomingMessage` whose body comes from uWebSockets.js, as fast as it is read. */
export class BridgeRequest extends IncomingMessage {
  #native: HttpResponse | null
  #paused = false

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
    if (!this.#paused) return
    this.#paused = false
    this.#native?.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
  }

  /** The client has gone before the end of the exchange. */
  abort(): void {
    this.#native = null
    if (this.complete) return
    this.aborted = true
    this.emit('aborted')
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
    this.destroy(this.listenerCount('error') > 0 ? reset : undefined)
  }

  /** The response is out: the native side may not be touched any more. */
  release(): void {
    this.#native = null
  }

  #receive(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.destroyed) return
    // The memory behind the chunk is taken back when this returns.
    const hasRoom = chunk.byteLength === 0 || this.push(Buffer.from(Buffer.from(chunk)))
    if (isLast) this.#complete()
    else if (!hasRoom && this.#native) {
      this.#paused = true
      this.#native.pause()
    }
  }

  #complete(): void {
    this.complete = true
    this.push(null)
  }
}

/** What Node's own parser calls; the types leave it out. */
const addHeaderLines: (this: IncomingMessage, lines: string[], count: number) => void = Reflect.get(
  IncomingMessage.prototype,
  '_addHeaderLines',
)
