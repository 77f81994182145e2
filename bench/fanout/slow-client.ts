import { createInterface } from 'node:readline'
import { percentile } from '../support/table.ts'
import { publish } from './slow-publisher.ts'
import { openSockets, type SlowSocket, type SlowWire } from './slow-sockets.ts'

/*
 * The client for a machine without a C compiler: the same lines in, the same answers out, on raw sockets. It counts the stamps in
 * frames as the one in C does, but is several times slower and may be the limit of what is measured; the tables say which was
 * used.
 */
const GRACE_MS = 1_000

let wire = emptyWire()
let sockets: SlowSocket[] = []

for await (const line of createInterface(process.stdin)) {
  const [name = '', ...rest] = line.split(' ')
  const answer = await obey(name, rest.join(' '))
  if (answer) process.stdout.write(`${JSON.stringify(answer)}\n`)
}

async function obey(name: string, value: string): Promise<object | null> {
  const [first = 0, second = 0] = value.split(' ').map(Number)
  if (name === 'wire') wire = emptyWire()
  else if (name === 'open') return open(first, second)
  else if (name === 'run') return run(first, second)
  else if (name === 'close') return close()
  else if (name === 'path') wire.paths.push(value)
  else if (name === 'port') wire.ports.push(Number(value))
  else if (name === 'publisher-hello') wire.publisherHellos.push(unescaped(value))
  else if (name === 'topics') wire.topics = Number(value)
  else if (name === 'window') wire.window = Number(value)
  else if (name === 'binary') wire.binary = true
  else wire.texts.set(name, unescaped(value))
  return null
}

async function open(count: number, stalled: number): Promise<object> {
  close()
  const began = performance.now()
  sockets = await openSockets(wire, count, stalled)
  const opened = sockets.filter(({ isOpen }) => isOpen).length
  return { opened, ms: opened === count ? performance.now() - began : -1 }
}

async function run(rate: number, seconds: number): Promise<object> {
  const latencies: number[] = []
  for (const socket of sockets) {
    socket.count = 0
    socket.heard = (us) => void latencies.push(us)
  }
  const cpu = process.cpuUsage()
  const began = performance.now()
  const published = await publish(wire, rate, seconds)
  const listening = sockets.filter(({ stalls }) => !stalls)
  const expected = listening.reduce((sum, { topic }) => sum + (published.byTopic[topic] ?? 0), 0)
  const deadline = performance.now() + GRACE_MS
  while (latencies.length < expected && performance.now() < deadline) await new Promise((next) => setTimeout(next, 5))
  const took = (performance.now() - began) / 1000
  for (const socket of sockets) socket.heard = () => undefined
  const { user, system } = process.cpuUsage(cpu)
  const excess = listening.map(({ topic, count }) => count - (published.byTopic[topic] ?? 0))
  latencies.sort((a, b) => a - b)
  const at = (share: number) => Math.round(percentile(latencies, share) || 0)
  return {
    ...published,
    expected,
    received: latencies.length,
    missing: -excess.reduce((sum, count) => sum + Math.min(0, count), 0),
    repeated: excess.reduce((sum, count) => sum + Math.max(0, count), 0),
    p50Us: at(0.5),
    p99Us: at(0.99),
    maxUs: at(1),
    open: sockets.filter(({ isOpen }) => isOpen).length,
    clientCpu: (user + system) / 1e6,
    seconds: took,
  }
}

function close(): object {
  for (const { socket } of sockets) socket.resetAndDestroy()
  sockets = []
  return {}
}

function emptyWire(): SlowWire {
  return { ports: [], paths: [], publisherHellos: [], topics: 1, window: 0, binary: false, texts: new Map() }
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, letter) => (letter === 'r' ? '\r' : letter === 'n' ? '\n' : letter))
}
