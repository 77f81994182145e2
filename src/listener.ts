import './bridge/header-limit.ts'
import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js'
import { setTimeout } from 'node:timers/promises'
import { createBridge, type Handle } from './bridge/bridge.ts'
import { StartError } from './start-error.ts'

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

export class PortTaken extends StartError {
  constructor(host: string, port: number) {
    super(
      `Nothing can listen on ${host}:${port}: the port is taken or needs more rights, or the address is not this machine's.`,
    )
    this.name = 'PortTaken'
  }
}

const DRAIN_POLL_MS = 20
/** The values of the library's enumeration, which its types declare and its module does not export. */
const LIBUS_LISTEN_DEFAULT = 0
const LIBUS_LISTEN_EXCLUSIVE_PORT = 1

/** @throws PortTaken */
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
    throw new PortTaken(host, port)
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
