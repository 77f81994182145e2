import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** A request that came. */
export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
  at: Date
}

/** `hang` never answers; `reset` cuts the connection. */
export type Response =
  | { status: number; headers?: Record<string, string>; body?: string; delayMs?: number }
  | 'hang'
  | 'reset'

export interface TestReceiver {
  url: string
  port: number
  received: Received[]
  /** Connections accepted so far. */
  sockets(): number
  close(): Promise<void>
}

/** A server on loopback that keeps every request and answers 200, or what `respond` says; `count` is 1 for the first. */
export async function startTestReceiver(
  options: { respond?: (request: Received, count: number) => Response; port?: number } = {},
): Promise<TestReceiver> {
  const received: Received[] = []
  const open = new Set<Socket>()
  let accepted = 0
  const server = createServer(async (incoming, outgoing) => {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk)
      const request = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
        at: new Date(),
      }
      const count = received.push(request)
      const response = options.respond?.(request, count) ?? { status: 200 }
      if (response === 'hang') return
      if (response === 'reset') return void incoming.socket.resetAndDestroy()
      if (response.delayMs !== undefined) await setTimeout(response.delayMs, undefined, { ref: false })
      outgoing.writeHead(response.status, response.headers).end(response.body)
    } catch {
      incoming.socket.destroy()
    }
  })
  server.on('connection', (socket) => {
    accepted += 1
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    sockets: () => accepted,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
