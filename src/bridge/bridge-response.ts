import type { HttpResponse } from 'uWebSockets.js'
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import { BodyWriter, endWithoutBody } from './body-writer.ts'

type Encoding = BufferEncoding
type Done = (error?: Error | null) => void

/** Written by uWebSockets.js itself, or about the connection, which is its own business. */
const NOT_OURS = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'date'])

/**
 * An `http.ServerResponse` that writes to a uWebSockets.js response instead of a socket. Headers, status and the state that
 * others look at (`headersSent`, `writableEnded`, `finish`, `close`) are Node's; only what would go to the socket is
 * replaced. The common case, one `end` with the whole body, is one corked write.
 */
export class BridgeResponse extends ServerResponse {
  #native: HttpResponse | null
  #body: BodyWriter | null = null
  readonly #closes: () => boolean
  readonly #onOver: () => void

  constructor(
    request: IncomingMessage,
    native: HttpResponse,
    /** Whether the connection must not carry another request. */
    closes: () => boolean,
    onOver: () => void,
  ) {
    super(request)
    this.#native = native
    this.#closes = closes
    this.#onOver = onOver
    // Read by Koa: whether anybody still listens.
    Reflect.set(this, 'socket', request.socket)
  }

  override writeHead(status: number, reason?: string | object, headers?: object): this {
    if (this.headersSent) throw new Error('The headers were sent before')
    this.statusCode = status
    if (typeof reason === 'string') this.statusMessage = reason
    const given = typeof reason === 'object' ? reason : (headers ?? {})
    for (const [name, value] of Object.entries(given)) this.setHeader(name, value)
    return this
  }

  override flushHeaders(): void {
    this.#begin()
  }

  override write(chunk: string | Uint8Array, encoding?: Encoding | Done, done?: Done): boolean {
    const finished = typeof encoding === 'function' ? encoding : done
    if (this.writableEnded) {
      this.#fail(new Error('write after end'), finished)
      return false
    }
    if (!this.#native) {
      // Nobody is there any more; the stream that feeds us learns it from `close`.
      if (finished) process.nextTick(finished)
      return false
    }
    const body = this.#begin()
    const hasRoom = body.write(toBuffer(chunk, encoding))
    if (finished) process.nextTick(finished)
    return hasRoom
  }

  override end(chunk?: string | Uint8Array | Done | null, encoding?: Encoding | Done, done?: Done): this {
    const finished = [chunk, encoding, done].find((value): value is Done => typeof value === 'function')
    if (this.writableEnded) {
      if (finished) process.nextTick(finished)
      return this
    }
    const last =
      chunk === undefined || chunk === null || typeof chunk === 'function' ? EMPTY : toBuffer(chunk, encoding)
    this.finished = true
    if (finished) this.once('finish', finished)
    if (!this.#native) return this
    if (this.#body) this.#body.end(last, () => this.#over())
    else this.#sendWhole(this.#native, last)
    return this
  }

  override destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    const native = this.#native
    if (native) native.close()
    if (error && this.listenerCount('error') > 0) process.nextTick(() => this.emit('error', error))
    return this
  }

  /** The client has gone. */
  abort(): void {
    if (!this.#native) return
    this.#native = null
    this.#body?.abandon()
    this.destroyed = true
    process.nextTick(() => this.emit('close'))
  }

  #sendWhole(native: HttpResponse, body: Buffer): void {
    native.cork(() => {
      this.#writeHead(native)
      const declared = this.#declaredLength()
      if (this.#hasNoBody()) endWithoutBody(native, this.#headLength(body, declared), this.#closes())
      else if (declared !== undefined && declared !== body.length) native.close()
      else native.end(body, this.#closes())
    })
    this.#over()
  }

  /** Sends the head of an answer whose body comes in parts. */
  #begin(): BodyWriter {
    if (this.#body) return this.#body
    const native = this.#native
    const body = new BodyWriter(native, {
      // A sized answer in parts cannot end its connection; a chunked one can.
      length: this.#closes() ? undefined : this.#declaredLength(),
      silent: this.#hasNoBody(),
      closes: this.#closes,
      onDrain: () => this.emit('drain'),
    })
    native?.cork(() => this.#writeHead(native))
    this.#body = body
    return body
  }

  #writeHead(native: HttpResponse): void {
    native.writeStatus(`${this.statusCode} ${this.statusMessage || STATUS_CODES[this.statusCode] || 'unknown'}`)
    const headers = this.getHeaders()
    for (const name of rawHeaderNames(this)) {
      const lower = name.toLowerCase()
      const value = headers[lower]
      if (value === undefined || NOT_OURS.has(lower)) continue
      for (const one of Array.isArray(value) ? value : [value]) native.writeHeader(name, latin1(String(one)))
    }
    // What `headersSent` and `setHeader` look at.
    Reflect.set(this, '_header', 'sent')
  }

  #hasNoBody(): boolean {
    return this.req.method === 'HEAD' || this.statusCode === 204 || this.statusCode === 304 || this.statusCode < 200
  }

  #declaredLength(): number | undefined {
    const length = this.getHeader('content-length')
    return length === undefined ? undefined : Number(length)
  }

  /** Only HEAD reports the length that GET would have. */
  #headLength(body: Buffer, declared: number | undefined): number | undefined {
    if (this.req.method !== 'HEAD' || this.statusCode === 204) return undefined
    return declared ?? (body.length > 0 ? body.length : undefined)
  }

  #over(): void {
    this.#native = null
    this.#onOver()
    process.nextTick(() => {
      this.emit('finish')
      this.destroyed = true
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

/** Node sends header values as Latin-1; the native side would send UTF-8. */
function latin1(value: string): string | Buffer {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of ASCII is what is meant
  return /^[\x00-\x7f]*$/.test(value) ? value : Buffer.from(value, 'latin1')
}

/** As they were written; the types know it of client requests only. */
function rawHeaderNames(response: ServerResponse): string[] {
  return (response as ServerResponse & { getRawHeaderNames(): string[] }).getRawHeaderNames()
}
