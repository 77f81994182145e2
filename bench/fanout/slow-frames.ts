/** Frames (RFC 6455) for the client in JavaScript. */

export const TEXT = 1
export const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10
const STAMP_LETTERS = 16
const AT = '@'.charCodeAt(0)
const LETTER_A = 'a'.charCodeAt(0)

/** What has been read of a socket and is not a whole frame yet. */
export interface Unread {
  bytes: Buffer
}

/** A client must mask its frames; a mask of zeros leaves the payload as it is. */
export function writeFrame(opcode: number, payload: string | Buffer): Buffer {
  const body = Buffer.from(payload)
  const short = body.length < 126
  const head = Buffer.alloc(short ? 6 : 8)
  head[0] = 0x80 | opcode
  head[1] = 0x80 | (short ? body.length : 126)
  if (!short) head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

/** @returns what is to be sent in answer to control frames */
export function readFrames(
  unread: Unread,
  chunk: Buffer,
  heard: { message: (publishedUs: number) => void; text: (payload: Buffer) => Buffer | null; ended: () => void },
): Buffer[] {
  let bytes = unread.bytes.length > 0 ? Buffer.concat([unread.bytes, chunk]) : chunk
  const answers: Buffer[] = []
  for (let head = headOf(bytes); head && bytes.length >= head.size + head.length; head = headOf(bytes)) {
    const payload = bytes.subarray(head.size, head.size + head.length)
    bytes = bytes.subarray(head.size + head.length)
    if (head.opcode === PING) answers.push(writeFrame(PONG, payload))
    else if (head.opcode === CLOSE) heard.ended()
    else if (head.opcode !== PONG) {
      const answer = heard.text(payload)
      if (answer) answers.push(answer)
      for (const stamp of stampsOf(payload)) heard.message(stamp)
    }
  }
  unread.bytes = Buffer.from(bytes)
  return answers
}

function headOf(bytes: Buffer): { opcode: number; size: number; length: number } | null {
  if (bytes.length < 2) return null
  const opcode = (bytes[0] ?? 0) & 15
  const length = (bytes[1] ?? 0) & 127
  if (length < 126) return { opcode, size: 2, length }
  if (length === 126) return bytes.length < 4 ? null : { opcode, size: 4, length: bytes.readUInt16BE(2) }
  return bytes.length < 10 ? null : { opcode, size: 10, length: Number(bytes.readBigUInt64BE(2)) }
}

/** The microseconds after each `@`, written with 16 letters. */
function stampsOf(payload: Buffer): number[] {
  const stamps: number[] = []
  for (let at = payload.indexOf(AT); at >= 0; at = payload.indexOf(AT, at + 1)) {
    let us = 0
    for (let letter = 1; letter <= STAMP_LETTERS; letter += 1) us = us * 16 + (payload[at + letter] ?? 0) - LETTER_A
    if (us > 0) stamps.push(us)
  }
  return stamps
}

export function stampOf(us: number): string {
  let text = ''
  for (let rest = us; text.length < STAMP_LETTERS; rest = Math.floor(rest / 16)) {
    text = String.fromCharCode(LETTER_A + (rest % 16)) + text
  }
  return `@${text}`
}
