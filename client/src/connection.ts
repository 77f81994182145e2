import type { ServerFrame } from './server-frames.ts'
import type { SocketClass, SocketLike } from './socket-class.ts'

export interface ConnectionDeps {
  url: string
  token: string | undefined
  WebSocket: SocketClass
  onFrame: (frame: ServerFrame) => void
  /** Once, whatever the end was: 1006 where there was no code. */
  onClosed: (code: number, reason: string) => void
}

/** Until the server says hello. */
const HELLO_MS = 20_000
/** Without a sign of life for so many heartbeats the other end is gone, which the network does not always tell. */
const HEARTBEATS_MISSED = 2.5
const NO_CODE = 1006

/** One socket, from its opening to its end. It answers pings, and finds out when nothing comes any more. */
export class Connection {
  readonly #deps: ConnectionDeps
  readonly #socket: SocketLike
  #silenceMs = HELLO_MS
  #heardAt = Date.now()
  #timer: ReturnType<typeof setTimeout> | undefined
  #over = false

  /** @throws what the WebSocket class throws for a bad URL or a token that no header may hold */
  constructor(deps: ConnectionDeps) {
    this.#deps = deps
    // As a subprotocol the token is in no URL and so in no log.
    this.#socket = new deps.WebSocket(deps.url, deps.token === undefined ? [] : ['bearer', deps.token])
    this.#socket.onmessage = ({ data }: { data: unknown }) => this.#read(data)
    this.#socket.onclose = ({ code, reason }: { code: number; reason: unknown }) =>
      this.#end(code, String(reason ?? ''))
    // A close follows, and it has all that can be known.
    this.#socket.onerror = () => undefined
    this.#watch()
  }

  send(frame: object): void {
    if (!this.#over) this.#socket.send(JSON.stringify(frame))
  }

  /** Ends it; nothing comes from it any more. */
  close(code = 1000, reason = ''): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#socket.close(code, reason)
  }

  #read(data: unknown): void {
    if (this.#over || typeof data !== 'string') return
    this.#heardAt = Date.now()
    const frame = parse(data)
    if (frame === null) return
    if (frame.type === 'ping') this.send({ type: 'pong' })
    if (frame.type === 'connected') {
      this.#silenceMs = frame.heartbeat_seconds * 1000 * HEARTBEATS_MISSED
      this.#watch()
    }
    this.#deps.onFrame(frame)
  }

  /** One timer that looks when something was heard last is cheaper than a new one for each frame. */
  #watch(): void {
    clearTimeout(this.#timer)
    const left = this.#heardAt + this.#silenceMs - Date.now()
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watch(), left)
      return
    }
    this.#socket.close()
    this.#end(NO_CODE, 'nothing was heard')
  }

  #end(code: number, reason: string): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    this.#deps.onClosed(code, reason)
  }
}

function parse(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text)
    return typeof frame === 'object' && frame !== null && 'type' in frame ? (frame as ServerFrame) : null
  } catch {
    return null
  }
}
