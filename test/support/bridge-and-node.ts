import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa, { type Context } from 'koa'
import { type Listener, listen } from '../../src/listener.ts'
import { ROUTES } from './bridge-routes.ts'

export interface BridgeAndNode {
  /** The port of the bridge. */
  bridge: number
  /** The port of the same Koa application on node:http. */
  node: number
  listener: Listener
  /** What the bridge was told went wrong. */
  errors: unknown[]
  stop(): Promise<void>
}

/** One Koa application behind both servers. */
export async function startBoth(routes: Record<string, (ctx: Context) => unknown> = ROUTES): Promise<BridgeAndNode> {
  const app = new Koa()
  app.silent = true
  app.use((ctx) => routes[ctx.path]?.(ctx))
  const errors: unknown[] = []
  const listener = await listen({
    handle: app.callback(),
    host: '127.0.0.1',
    port: 0,
    exclusive: true,
    onError: (error) => errors.push(error),
  })
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    bridge: listener.port,
    node: (server.address() as AddressInfo).port,
    listener,
    errors,
    async stop() {
      listener.close()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
