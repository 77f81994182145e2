import './bridge/header-limit.ts'
import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js'
import { setTimeout } from 'node:timers/promises'
import { createBridge, type Handle } from './bridge/bridge.ts'
import { StartError } from './start-error.ts'
import { tryToListen } from './try-to-listen.ts'

/*
 * The one port. uWebSockets.js accepts every connection: what `attach` mounts (the streams under `/ws`) it answers natively,
 * all else goes through the bridge to `handle`. A catch-all route answers every path, since a path without a route would
 * leave its client waiting.
 */
export interface Listener {
  port: number
  /** Accepts no new connection; those that are open go on, and each ends with its next answer. */
  stopListening(): void
  /** Resolves when no exchange is under way, at the latest after `ms`. */
  drain(ms: number): Promise<void>
  /** Ends every connection. */
  close(): void
}

export class CannotListen extends StartError {
  constructor(host: string, port: number, code: string | null) {
    super(`Nothing can listen on ${host}:${port}: ${remedyFor(code)}`)
    this.name = 'CannotListen'
  }
}

const DRAIN_POLL_MS = 20
/** The values of the library's enumeration, which its types declare and its module does not export. */
const LIBUS_LISTEN_DEFAULT = 0
const LIBUS_LISTEN_EXCLUSIVE_PORT = 1

/** @throws CannotListen */
export async function listen(options: {
  handle: Handle
  attach?: (app: TemplatedApp) => void
  host: string
  port: number
  /** False lets several processes share the port (SO_REUSEPORT). */
  exclusive: boolean
  onError: (error: unknown) => void
}): Promise<Listener> {
  const { host, port, onError } = options
  const app = uWS.App()
  const bridge = createBridge(options.handle, onError)
  options.attach?.(app)
  app.any('/*', (response, request) => bridge.answer(response, request))
  let token = await new Promise<us_listen_socket | false>((resolve) => listenOn(app, options, resolve))
  if (token === false) {
    app.close()
    // The library does not say why.
    throw new CannotListen(host, port, await tryToListen(host, port))
  }
  return {
    port: uWS.us_socket_local_port(token),
    stopListening() {
      if (token !== false) uWS.us_listen_socket_close(token)
      token = false
      bridge.endConnections()
    },
    async drain(ms) {
      const deadline = performance.now() + ms
      while (bridge.underWay() > 0 && performance.now() < deadline) await setTimeout(DRAIN_POLL_MS)
    },
    close() {
      if (token !== false) uWS.us_listen_socket_close(token)
      token = false
      app.close()
    },
  }
}

function remedyFor(code: string | null): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is taken. End what has it, or set PORT to another.'
    case 'EACCES':
      return 'the port needs more rights. Set PORT to another, above 1023.'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return "the address is not this machine's. Set HOST to one that is."
    default:
      return `it failed${code === null ? '' : ` (${code})`}. Check HOST and PORT.`
  }
}

type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  done: (token: us_listen_socket | false) => void,
) => TemplatedApp

/** The types of the library leave out that a host and options go together. */
function listenOn(
  app: TemplatedApp,
  { host, port, exclusive }: { host: string; port: number; exclusive: boolean },
  done: (token: us_listen_socket | false) => void,
): void {
  const mode = exclusive ? LIBUS_LISTEN_EXCLUSIVE_PORT : LIBUS_LISTEN_DEFAULT
  const listenWith: ListenWithOptions = app.listen.bind(app) as never
  listenWith(host, port, mode, done)
}
