import { once } from 'node:events'
import { connect } from 'node:net'
import { frame } from './malformed-frames.ts'
import { openRawClient } from './stream-raw-client.ts'
import type { WebProcess } from './stream-web-process.ts'

/** How a client comes and goes. Each user opens more sockets than it may have, so that the oldest are replaced. */
const WAYS: ((port: number, count: number) => Promise<void>)[] = [
  (port, count) => openAndEnd(port, `/ws/market-data/S${count % 50}?token=user${count % 40}`),
  (port, count) => openAndReset(port, `/ws/alerts?token=user${count % 40}`),
  (port) => openAndEnd(port, '/ws/alerts'),
  (port) => openAndReset(port, '/ws/predictions/AAPL?token=bad'),
  (port) => hangUpEarly(port),
]
const AT_ONCE = 50

/** Opens and closes sockets in every way there is. */
export async function churn(web: WebProcess, opens: number): Promise<void> {
  let count = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (count < opens) {
        count += 1
        await WAYS[count % WAYS.length]?.(web.port, count)
      }
    }),
  )
}

async function openAndEnd(port: number, path: string): Promise<void> {
  const client = await openRawClient(port, path)
  client.socket.write(frame({ payload: '{"type":"subscribe","channel":"market-data","symbol":"MSFT"}' }))
  client.socket.write(frame({ opcode: 8 }))
  await client.readOn()
}

async function openAndReset(port: number, path: string): Promise<void> {
  const client = await openRawClient(port, path)
  client.socket.resetAndDestroy()
}

/** In the middle of the handshake. */
async function hangUpEarly(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write('GET /ws/alerts?token=alice HTTP/1.1\r\nHost: x\r\nUpgr')
  socket.destroy()
}
