/** How a client speaks with one kind of server: what it sends to listen, and what it sends to publish. */
export interface Wire {
  /** Of the sockets in turn; `%s` is the topic. */
  paths: readonly string[]
  /** A frame that each socket sends first. */
  hello?: string
  /** A socket counts as open when it has read this; without it after the handshake. */
  ready?: string
  /** A text frame that wants another as its answer. */
  ping?: string
  pong?: string
  /** Frames are binary. */
  binary?: boolean
  /** Without it, what is published is written as it is. */
  publisherPath?: string
  /** Frames that the publisher sends first. */
  publisherHellos?: readonly string[]
  /** With `STAMP` where the time goes and `%s` for the topic; one message or several. */
  publish: string
  /** So many frames may be without the answer `published`; without it any number. */
  window?: number
}

/** Any topic: all have names of this length. */
const TOPIC = 'T000'
/** What the client replaces by the microseconds at which it publishes. */
const STAMP = '@aaaaaaaaaaaaaaaa'
const LENGTH = 200

export function topicsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `T${String(index).padStart(3, '0')}`)
}

/** The `data` of every message. */
export const DATA = `{"price":187.25,"volume":1200,"sent":"${STAMP}","note":"${'x'.repeat(restOf(LENGTH))}"}`

/** What reaches a client is the same everywhere, but for what each server puts around it; ours adds `seq`. */
export const MESSAGE = `{"type":"market_data_update","symbol":"%s","data":${DATA},"timestamp":"${new Date().toISOString()}"}`

function restOf(length: number): number {
  const around = `{"type":"market_data_update","symbol":"${TOPIC}","data":,"timestamp":"${new Date().toISOString()}"}`
  return length - around.length - `{"price":187.25,"volume":1200,"sent":"${STAMP}","note":""}`.length
}

/** The lines that tell the client of it. */
export function linesOf(wire: Wire, ports: readonly number[], topics: number): string[] {
  const lines = ['wire', `topics ${topics}`, ...ports.map((port) => `port ${port}`)]
  lines.push(...wire.paths.map((path) => `path ${path}`))
  if (wire.hello !== undefined) lines.push(`hello ${escaped(wire.hello)}`)
  if (wire.ready !== undefined) lines.push(`ready ${escaped(wire.ready)}`)
  if (wire.ping !== undefined) lines.push(`ping ${wire.ping}`)
  if (wire.pong !== undefined) lines.push(`pong ${wire.pong}`)
  if (wire.binary) lines.push('binary')
  if (wire.window !== undefined) lines.push(`window ${wire.window}`)
  if (wire.publisherPath !== undefined) lines.push(`publisher-path ${wire.publisherPath}`)
  for (const hello of wire.publisherHellos ?? []) lines.push(`publisher-hello ${escaped(hello)}`)
  lines.push(`publish ${escaped(wire.publish)}`)
  return lines
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\r', '\\r').replaceAll('\n', '\\n')
}
