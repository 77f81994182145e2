import type { HttpResponse } from 'uWebSockets.js'
import { ServerResponse, STATUS_CODES, validateHeaderValue } from 'node:http'
import { BodyWriter, CORKED_BYTES } from './body-writer.ts'
import type { BridgeRequest } from './bridge-request.ts'
import { asksToClose } from './framing.ts'
import { headerPairs, latin1 } from './header-text.ts'

type Encoding = BufferEncoding
type Done = (error?: Error | null) => void

/** Written by uWebSockets.js itself, or about the connection, which is the bridge's business. */
const NOT_OURS = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'date'])

/**
 * An `http.ServerResponse` that writes to a uWebSockets.js response instead of a socket. Headers, status and the state that
 * others look at (`headersSent`, `writableEnded`, `finish`, `close`) are Node's; only what would go to the socket is
 * replaced. The common case, one `end` with the whole body, is one corked write.
 *
 * The library says how a connection ends only with an answer that is sent whole. An answer in parts tells the client to
 * close instead: `end` would write its `Connection: close` among the chunks.
 */
export class BridgeResponse extends ServerResponse {
  readonly #request: BridgeRequest
  #native: HttpResponse | null
  #body: BodyWriter | null = null
  readonly #mustClose: () => boolean
  readonly #onOver: () => void

  constructor(
    request: BridgeRequest,
    native: HttpResponse,
    /** Whether the connection must not carry another request. */
    mustClose: () => boolean,
    onOver: () => void,
  ) {
    super(request)
    this.#request = request
    this.#native = native
    this.#mustClose = mustClose
    this.#onOver = onOver
    // Read by Koa: whether anybody still listens.
    Reflect.set(this, 'socket', request.socket)
  }

  override writeHead(status: number, reason?: string | object, headers?: object): this {
    if (this.headersSent) throw refusal(Error, 'ERR_HTTP_HEADERS_SENT', 'The headers were sent before')
    if (!(status >= 100 && status <= 999)) throw refusal(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', `Status ${status}`)
    this.statusCode = Math.trunc(status)
    if (typeof reason === 'string') this.statusMessage = reason
    else this.statusMessage ||= STATUS_CODES[status] ?? 'unknown'
    validateHeaderValue('statusMessage', this.statusMessage)
    const pairs = headerPairs(typeof reason === 'object' ? reason : headers)
    for (const [name] of pairs) this.removeHeader(name)
    for (const [name, value] of pairs) this.appendHeader(name, value)
    // What `headersSent` and `setHeader` look at.
    Reflect.set(this, '_header', 'sent')
    return this
  }

  override flushHeaders(): void {
    this.#begin()
  }

  override write(chunk: string | Uint8Array, encoding?: Encoding | Done, done?: Done): boolean {
    const bytes = toBuffer(chunk, encoding)
    const finished = typeof encoding === 'function' ? encoding : done
    if (this.writableEnded) {
      this.#fail(new Error('write after end'), finished)
      return false
    }
    if (finished) process.nextTick(finished)
    // Nobody is there any more; the stream that feeds us learns it from `close`.
    if (!this.#native) return false
    return this.#begin().write(bytes)
  }

  override end(chunk?: string | Uint8Array | Done | null, encoding?: Encoding | Done, done?: Done): this {
    const finished = [chunk, encoding, done].find((value): value is Done => typeof value === 'function')
    if (this.writableEnded) {
      if (finished) process.nextTick(finished)
      return this
    }
    const last =
      chunk === undefined || chunk === null || typeof chunk === 'function' ? EMPTY : toBuffer(chunk, encoding)
    this.#implyHead()
    this.finished = true
    if (finished) this.once('finish', finished)
    this.#request.whenRead(() => {
      // In this turn the parser would still take what follows on the connection for another request, and serve it.
      if (this.#closes()) setImmediate(() => this.#finish(last))
      else this.#finish(last)
    })
    return this
  }

  override destroy(): this {
    if (this.destroyed) return this
    this.destroyed = true
    this.#native?.close()
    return this
  }

  clientGone(): void {
    if (!this.#native) return
    this.#native = null
    this.#body?.abandon()
    this.#close()
  }

  #finish(last: Buffer): void {
    const native = this.#native
    if (!native) return
    const length = this.#declaredLength() ?? last.length
    // What does not fit into one corked write goes as the connection takes it.
    const isWhole = this.#hasNoBody() || (length === last.length && (length <= CORKED_BYTES || this.#closes()))
    if (this.#body || !isWhole) this.#begin(length).end(last, () => this.#over())
    else this.#sendWhole(native, last)
  }

  #sendWhole(native: HttpResponse, body: Buffer): void {
    native.cork(() => {
      this.#sendHead(native, this.#hasNoBody() && this.#closes())
      if (this.#hasNoBody()) native.endWithoutBody()
      else native.end(body, this.#closes())
    })
    this.#over()
  }

  /** Sends the head of an answer whose body comes in parts. */
  #begin(length = this.#declaredLength()): BodyWriter {
    if (this.#body) return this.#body
    this.#implyHead()
    const native = this.#native
    const body = new BodyWriter(native, { length, silent: this.#hasNoBody(), onDrain: () => this.emit('drain') })
    native?.cork(() => this.#sendHead(native, this.#closes()))
    this.#body = body
    return body
  }

  #implyHead(): void {
    if (!this.headersSent) this.writeHead(this.statusCode)
  }

  #sendHead(native: HttpResponse, tellsToClose: boolean): void {
    native.writeStatus(latin1(`${this.statusCode} ${this.statusMessage}`))
    const headers = this.getHeaders()
    for (const name of rawHeaderNames(this)) {
      const lower = name.toLowerCase()
      const value = headers[lower]
      if (value === undefined || NOT_OURS.has(lower)) continue
      for (const one of Array.isArray(value) ? value : [value]) native.writeHeader(name, latin1(String(one)))
    }
    const length = this.#declaredLength()
    // The library's own way to report the length of HEAD leaves the exchange open.
    if (length !== undefined && this.#hasNoBody() && this.statusCode !== 204) {
      native.writeHeader('Content-Length', String(length))
    }
    if (tellsToClose) native.writeHeader('Connection', 'close')
  }

  #hasNoBody(): boolean {
    return this.req.method === 'HEAD' || this.statusCode === 204 || this.statusCode === 304 || this.statusCode < 200
  }

  #declaredLength(): number | undefined {
    const length = this.getHeader('content-length')
    return length === undefined ? undefined : Number(length)
  }

  #closes(): boolean {
    return this.#mustClose() || asksToClose(String(this.getHeader('connection') ?? ''))
  }

  #over(): void {
    this.#native = null
    this.#onOver()
    process.nextTick(() => this.emit('finish'))
    this.#close()
  }

  #close(): void {
    process.nextTick(() => {
      this.destroyed = true
      // What `stream.finished` looks at when it comes too late for the event.
      Reflect.set(this, '_closed', true)
      this.emit('close')
    })
  }

  #fail(error: Error, done: Done | undefined): void {
    process.nextTick(() => {
      done?.(error)
      if (this.listenerCount('error') > 0) this.emit('error', error)
    })
  }
}

const EMPTY = Buffer.alloc(0)

function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as Encoding) : 'utf8')
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

/** The errors of Node's own response. */
function refusal(kind: ErrorConstructor, code: string, message: string): Error {
  return Object.assign(new kind(message), { code })
}

/** As they were written; the types know it of client requests only. */
function rawHeaderNames(response: ServerResponse): string[] {
  return (response as ServerResponse & { getRawHeaderNames(): string[] }).getRawHeaderNames()
}
