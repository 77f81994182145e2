import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { BINARY, stampOf, TEXT, writeFrame } from './slow-frames.ts'
import { handshake, type SlowWire, wallClockUs, withTopic } from './slow-sockets.ts'

/** What was published, as the client in C tells it. */
interface Published {
  sent: number
  errors: number
  failed: boolean
  publishedIn: number
  /** Messages by topic. */
  byTopic: number[]
}

const PUBLISHED = '"type":"published"'
const STAMP = /@a{16}/g
/** What the handshake brings, and what a server does after it, is over by then. */
const SETTLE_MS = 100
/** A server that does not keep up may hold the publisher back, but not for ever. */
const LATE_SECONDS = 0.5

export async function publish(wire: SlowWire, rate: number, seconds: number): Promise<Published> {
  const published: Published = { sent: 0, errors: 0, failed: false, publishedIn: 0, byTopic: [] }
  let answered = 0
  let kept = ''
  const socket = connect({ port: wire.ports[0] ?? 0, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    published.failed = true
  })
  await greet(socket, wire)
  socket.on('data', (chunk) => {
    const text = kept + chunk.toString('latin1')
    answered += count(text, PUBLISHED)
    published.errors += count(text, '"error"')
    // What was cut off is read again with what comes next; it is too short to be counted twice.
    kept = text.slice(1 - PUBLISHED.length)
  })
  await setTimeout(SETTLE_MS)
  const frames = Array.from({ length: wire.topics }, (_, topic) => withTopic(wire.texts.get('publish') ?? '', topic))
  const messages = count(frames[0] ?? '', stampOf(0))
  const began = performance.now()
  const wanted = rate * seconds
  const elapsed = () => (performance.now() - began) / 1000
  const isWindowFull = () => wire.window > 0 && published.sent - answered >= wire.window
  while (published.sent < wanted && !published.failed && elapsed() < seconds + (wire.window > 0 ? 0 : LATE_SECONDS)) {
    if (socket.writableNeedDrain) await Promise.race([once(socket, 'drain'), setTimeout(10)])
    while (published.sent < Math.min(wanted, rate * elapsed()) && !socket.writableNeedDrain && !isWindowFull()) {
      const topic = published.sent % wire.topics
      const stamp = stampOf(wallClockUs())
      socket.write(frameOf(wire, (frames[topic] ?? '').replace(STAMP, stamp)))
      published.byTopic[topic] = (published.byTopic[topic] ?? 0) + messages
      published.sent += 1
    }
    await setTimeout(1)
  }
  published.publishedIn = elapsed()
  await setTimeout(SETTLE_MS)
  const { failed } = published
  socket.destroy()
  return { ...published, failed }
}

async function greet(socket: Socket, wire: SlowWire): Promise<void> {
  const path = wire.texts.get('publisher-path')
  if (path === undefined) return
  socket.write(handshake(path))
  await once(socket, 'data')
  for (const hello of wire.publisherHellos) socket.write(writeFrame(wire.binary ? BINARY : TEXT, hello))
}

function frameOf(wire: SlowWire, text: string): string | Buffer {
  return wire.texts.has('publisher-path') ? writeFrame(wire.binary ? BINARY : TEXT, text) : text
}

function count(text: string, wanted: string): number {
  return text.split(wanted).length - 1
}
