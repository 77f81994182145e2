import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { postgresUrl } from '../../support/postgres.ts'

/** A port of loopback behind which PostgreSQL is there, or is not. */
export interface BreakableDatabase {
  port: number
  /** Cuts every connection and refuses new ones. */
  break(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

export async function openBreakableDatabase(): Promise<BreakableDatabase> {
  const target = Number(new URL(postgresUrl('postgres')).port)
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const cut = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of open) socket.destroy()
    await closed
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  return { port, break: cut, mend: () => listen(port), close: cut }
}
