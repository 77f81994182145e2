import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A receiver that speaks bytes, not HTTP: what it answers may be as broken as a test needs. */
export interface RawReceiver {
  port: number
  url: string
  /** The text of every request, complete. */
  requests: string[]
  /** Connections accepted so far. */
  accepted(): number
  /** Connections open now. */
  open(): number
  close(): Promise<void>
}

/** @param answer called with each complete request; `count` is 1 for the first of all connections */
export async function startRawReceiver(
  answer: (socket: Socket, request: string, count: number) => unknown,
): Promise<RawReceiver> {
  const requests: string[] = []
  const { port, sockets, accepted, close } = await startRawServer((socket) => {
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      for (let end = requestEnd(heard); end !== null; end = requestEnd(heard)) {
        const request = heard.slice(0, end)
        heard = heard.slice(end)
        answer(socket, request, requests.push(request))
      }
    })
  })
  return { port, url: `http://127.0.0.1:${port}/hook`, requests, accepted, open: () => sockets.size, close }
}

/** A TCP server on loopback whose `close` ends its connections too. */
export async function startRawServer(onSocket: (socket: Socket) => unknown) {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    onSocket(socket)
    socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    accepted: () => accepted,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function requestEnd(heard: string): number | null {
  const head = heard.indexOf('\r\n\r\n')
  if (head < 0) return null
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(heard.slice(0, head))?.[1] ?? 0)
  const end = head + 4 + length
  return heard.length >= end ? end : null
}
