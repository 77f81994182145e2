import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const TYPES: Record<number, 'A' | 'AAAA'> = { 1: 'A', 28: 'AAAA' }
const NXDOMAIN = 3
const SERVFAIL = 2

/** An answer: addresses of that type, an error, or none at all. */
export type NameAnswer = readonly string[] | 'unknown' | 'failure' | 'silence'

export interface NameServer {
  /** `127.0.0.1:<port>` */
  address: string
  asked: string[]
  close(): Promise<void>
}

/** A name server on loopback (RFC 1035) for questions about A and AAAA. */
export async function startNameServer(answer: (name: string, type: 'A' | 'AAAA') => NameAnswer): Promise<NameServer> {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, peer) => {
    const { name, type, end } = readQuestion(query)
    asked.push(name)
    const known = answer(name, TYPES[type] ?? 'A')
    if (known === 'silence') return
    const code = known === 'unknown' ? NXDOMAIN : known === 'failure' ? SERVFAIL : 0
    const records = typeof known === 'string' ? [] : known.map((address) => record(type, address))
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0])
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records]), peer.port, peer.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** For the name of the question, good for no time at all. */
function record(type: number, address: string): Buffer {
  const data = type === 1 ? address.split('.').map(Number) : [...Buffer.from(address.replaceAll(':', ''), 'hex')]
  return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length, ...data])
}
