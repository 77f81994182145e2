import { connect, type Socket } from 'node:net'
import { BINARY, readFrames, TEXT, writeFrame } from './slow-frames.ts'

/** What the lines said; see `Wire`. */
export interface SlowWire {
  ports: number[]
  paths: string[]
  publisherHellos: string[]
  topics: number
  window: number
  binary: boolean
  /** `hello`, `ready`, `ping`, `pong`, `publisher-path` and `publish`. */
  texts: Map<string, string>
}

export interface SlowSocket {
  socket: Socket
  topic: number
  stalls: boolean
  isOpen: boolean
  count: number
  heard: (latencyUs: number) => void
}

const AT_ONCE = 100
const WITHIN_MS = 30_000

/** Those that could not be opened are not open. */
export async function openSockets(wire: SlowWire, count: number, stalled: number): Promise<SlowSocket[]> {
  const every = stalled > 0 ? Math.floor(count / stalled) : 0
  const sockets: SlowSocket[] = []
  let next = 0
  const openAll = async () => {
    while (next < count) {
      const index = next
      next += 1
      const one = begin(wire, index, every > 0 && index % every === 0)
      sockets.push(one)
      await opened(wire, one, index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, openAll))
  return sockets
}

function begin(wire: SlowWire, index: number, stalls: boolean): SlowSocket {
  const port = wire.ports[Math.floor(index / wire.topics) % wire.ports.length] ?? 0
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  return { socket, topic: index % wire.topics, stalls, isOpen: false, count: 0, heard: () => undefined }
}

function opened(wire: SlowWire, one: SlowSocket, index: number): Promise<void> {
  const { socket } = one
  const unread = { bytes: Buffer.alloc(0) }
  const ready = wire.texts.get('ready')
  let shaken = false
  return new Promise((resolve) => {
    const late = setTimeout(() => socket.destroy(), WITHIN_MS)
    const isOpen = () => {
      one.isOpen = true
      if (one.stalls) socket.pause()
      clearTimeout(late)
      resolve()
    }
    const end = () => {
      one.isOpen = false
      clearTimeout(late)
      resolve()
    }
    socket.on('error', end)
    socket.on('close', end)
    const path = withTopic(wire.paths[index % wire.paths.length] ?? '', one.topic)
    socket.write(handshake(path))
    socket.on('data', (chunk) => {
      let bytes = chunk
      if (!shaken) {
        const answer = Buffer.concat([unread.bytes, chunk])
        const end = answer.indexOf('\r\n\r\n')
        unread.bytes = answer
        if (end < 0) return
        if (!answer.includes(' 101 ')) return void socket.destroy()
        shaken = true
        unread.bytes = Buffer.alloc(0)
        bytes = answer.subarray(end + 4)
        greet(wire, one)
        if (ready === undefined) isOpen()
      }
      if (!one.isOpen && ready !== undefined && bytes.includes(ready)) isOpen()
      read(wire, one, unread, bytes)
    })
  })
}

function greet(wire: SlowWire, { socket, topic }: SlowSocket): void {
  const hello = wire.texts.get('hello')
  if (hello !== undefined) socket.write(writeFrame(wire.binary ? BINARY : TEXT, withTopic(hello, topic)))
}

function read(wire: SlowWire, one: SlowSocket, unread: { bytes: Buffer }, bytes: Buffer): void {
  const nowUs = wallClockUs()
  const answers = readFrames(unread, bytes, {
    message(publishedUs) {
      one.count += 1
      one.heard(nowUs - publishedUs)
    },
    text: (payload) => {
      const ping = wire.texts.get('ping')
      const isPing = ping !== undefined && payload.length === ping.length && payload.toString() === ping
      return isPing ? writeFrame(TEXT, wire.texts.get('pong') ?? '') : null
    },
    ended: () => one.socket.destroy(),
  })
  for (const answer of answers) one.socket.write(answer)
}

export function handshake(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
  )
}

export function withTopic(text: string, topic: number): string {
  return text.replaceAll('%s', `T${String(topic).padStart(3, '0')}`)
}

export function wallClockUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000)
}
