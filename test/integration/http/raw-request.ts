import { connect } from 'node:net'

/** What came back over one connection until the server closed it. */
export interface RawAnswer {
  status: number
  headers: Headers
  text: string
}

/** Sends bytes that no HTTP client would send, and reads until the server ends the connection. */
export async function rawRequest(port: number, head: string[], body: (string | Uint8Array)[] = []): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  // A server that has answered may reset what is still being sent.
  socket.on('error', () => undefined)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  for (const part of body) socket.write(part)
  await closed
  return parse(Buffer.concat(chunks).toString())
}

/** One chunk of a body whose length nobody has said. */
export function chunked(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

export const LAST_CHUNK = '0\r\n\r\n'

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = new Headers()
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  return { status: Number(first.split(' ')[1]), headers, text: rest.join('\r\n\r\n') }
}
