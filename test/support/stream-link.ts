import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** An address whose server a test may change, as Sentinel or a load balancer would, and whose connections it may cut. */
export interface StreamLink {
  port: number
  /** Ends every connection and takes none until it is mended. */
  cut(): void
  /** @param port of another server from now on */
  mend(port?: number): void
  close(): Promise<void>
}

export async function startLink(target: number): Promise<StreamLink> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
    return near
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  function cut(): void {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend(port = target) {
      isCut = false
      target = port
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
