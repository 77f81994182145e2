import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A socket after its handshake that does nothing on its own: it answers no ping and reads only when it is told to. */
export interface RawClient {
  socket: Socket
  /** Everything that came, read to its end; the code is that of the close frame, 1006 without one. */
  readOn(): Promise<{ frames: string[]; code: number; reason: string }>
  destroy(): void
}

export async function openRawClient(port: number, path: string): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const head = [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket']
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`
  socket.write([...head, key, 'Sec-WebSocket-Version: 13', '', ''].join('\r\n'))
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  while (!Buffer.concat(chunks).includes('\r\n\r\n')) await once(socket, 'data')
  socket.pause()
  return {
    socket,
    async readOn() {
      // Not once(), which fails when the connection is reset.
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.resume()
      await closed
      const all = Buffer.concat(chunks)
      return parse(all.subarray(all.indexOf('\r\n\r\n') + 4))
    },
    destroy: () => void socket.destroy(),
  }
}

/** RFC 6455, section 5.2: what a server sends has no mask. */
function parse(bytes: Buffer): { frames: string[]; code: number; reason: string } {
  const frames: string[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const opcode = bytes.readUInt8(at) & 0x0f
    let size = bytes.readUInt8(at + 1) & 0x7f
    at += 2
    if (size === 126) {
      size = bytes.readUInt16BE(at)
      at += 2
    } else if (size === 127) {
      size = Number(bytes.readBigUInt64BE(at))
      at += 8
    }
    if (at + size > bytes.length) break
    const payload = bytes.subarray(at, at + size)
    at += size
    if (opcode === 1) frames.push(payload.toString())
    if (opcode !== 8) continue
    // RFC 6455, section 7.1.5: a close frame may be without a code.
    if (size < 2) return { frames, code: 1005, reason: '' }
    return { frames, code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
  }
  return { frames, code: 1006, reason: '' }
}
