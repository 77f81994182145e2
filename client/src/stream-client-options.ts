import type { SocketClass } from './socket-class.ts'
import type { TokenOption } from './token-source.ts'

export interface StreamClientOptions {
  /** Of the server, such as `wss://streams.example`; without a path `/ws` is taken. */
  url: string
  /** A JWT, an API key, or what gets one or a one-time ticket whenever one is needed. None where streams are anonymous. */
  token?: TokenOption
  /** Where there is none built in, as in Node 20: that of the package `ws`, say. */
  WebSocket?: SocketClass
  /** For tests: 0 to 1. */
  random?: () => number
}
