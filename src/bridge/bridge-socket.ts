import { Duplex } from 'node:stream'

/** What Koa and its middleware ask of a socket: the peer's address, whether it is still there, and to end it. */
export class BridgeSocket extends Duplex {
  readonly remoteAddress: string
  readonly encrypted = false
  readonly #hangUp: () => void

  constructor(remoteAddress: string, hangUp: () => void) {
    super({ autoDestroy: false, emitClose: true })
    this.remoteAddress = remoteAddress
    this.#hangUp = hangUp
  }

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: (error?: Error) => void): void {
    done(new Error('The bridge writes through the response only'))
  }

  override _destroy(_error: Error | null, done: (error: Error | null) => void): void {
    this.#hangUp()
    done(null)
  }
}
