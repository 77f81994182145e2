/* Frames and handshakes as RFC 6455 forbids them, byte by byte. */

interface Parts {
  fin?: boolean
  /** The three reserved bits, as 0b100, 0b010, 0b001. */
  reserved?: number
  opcode?: number
  masked?: boolean
  payload?: string | Buffer
  /** What the head claims, when it is not the payload's own length. */
  length?: number | bigint
  /** How the length is written, when it is not the shortest form. */
  form?: 7 | 16 | 64
}

const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78])
export const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10]

/** One frame of a client. */
export function frame(parts: Parts = {}): Buffer {
  const { fin = true, reserved = 0, opcode = TEXT, masked = true, payload = '' } = parts
  const bytes = Buffer.from(payload)
  const length = BigInt(parts.length ?? bytes.length)
  const form = parts.form ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64)
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10)
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  head[1] = (masked ? 0x80 : 0) | (form === 7 ? Number(length) : form === 16 ? 126 : 127)
  if (form === 16) head.writeUInt16BE(Number(length), 2)
  if (form === 64) head.writeBigUInt64BE(length, 2)
  if (!masked) return Buffer.concat([head, bytes])
  return Buffer.concat([head, MASK, bytes.map((byte, index) => byte ^ (MASK[index % 4] ?? 0))])
}

export function closeFrame(code: number, reason: string | Buffer = ''): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(code)
  return frame({ opcode: CLOSE, payload: Buffer.concat([bytes, Buffer.from(reason)]) })
}

const part = (payload: string | Buffer) => frame({ fin: false, payload })
const rest = (payload: string | Buffer, fin = true) => frame({ opcode: CONTINUATION, fin, payload })
const ping = '{"type":"ping"}'
const bytes = (...values: number[]) => Buffer.from(values)

type Outcome = number | 'open'

/**
 * What is sent after a good handshake, and the code it is answered with: 1006 when the connection ends without a close frame,
 * 'open' when it stays open. The second code is that of the library `ws`, where it is another.
 */
export const MALFORMED: Record<string, [frames: Buffer[], code: Outcome, ofWs?: Outcome]> = {
  'the first reserved bit': [[frame({ reserved: 0b100, payload: ping })], 1006, 1002],
  'the second reserved bit': [[frame({ reserved: 0b010, payload: ping })], 1006, 1002],
  'the third reserved bit': [[frame({ reserved: 0b001, payload: ping })], 1006, 1002],
  'all reserved bits': [[frame({ reserved: 0b111, payload: ping })], 1006, 1002],
  'a reserved bit in a ping': [[frame({ reserved: 0b100, opcode: PING })], 1006, 1002],
  'a reserved bit in a continuation': [
    [part('{'), frame({ reserved: 0b100, opcode: CONTINUATION, payload: '}' })],
    1006,
    1002,
  ],
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [
      `the opcode ${opcode}`,
      [[frame({ opcode, payload: ping })], 1006, 1002],
    ]),
  ),
  'no mask': [[frame({ masked: false, payload: ping })], 'open', 1002],
  'no mask on a ping': [[frame({ masked: false, opcode: PING, payload: 'x' })], 'open', 1002],
  'no mask on a close': [[frame({ masked: false, opcode: CLOSE, payload: bytes(3, 232) })], 'open', 1002],
  'no mask on an empty frame': [[frame({ masked: false })], 'open', 1002],
  'a ping in fragments': [[frame({ fin: false, opcode: PING, payload: 'x' })], 1006, 1002],
  'a pong in fragments': [[frame({ fin: false, opcode: PONG, payload: 'x' })], 1006, 1002],
  'a close in fragments': [[frame({ fin: false, opcode: CLOSE, payload: bytes(3, 232) })], 1006, 1002],
  'a ping of 126 bytes': [[frame({ opcode: PING, payload: 'x'.repeat(126) })], 1006, 1002],
  'a pong of 126 bytes': [[frame({ opcode: PONG, payload: 'x'.repeat(126) })], 1006, 1002],
  'a close of 126 bytes': [[closeFrame(1000, 'x'.repeat(124))], 1006, 1002],
  'a ping of 64 KiB': [[frame({ opcode: PING, payload: 'x'.repeat(65_536) })], 1006, 1002],
  'a continuation of nothing': [[rest(ping)], 1006, 1002],
  'a continuation of nothing that goes on': [[rest('x', false)], 1006, 1002],
  'a continuation after the end': [[part('{'), rest('}'), rest('x')], 1006, 1002],
  'a text within a text': [[part('x'), frame({ payload: ping })], 1006, 1002],
  'a binary within a text': [[part('x'), frame({ opcode: BINARY, payload: 'x' })], 'open', 1002],
  'a text within a binary': [
    [frame({ fin: false, opcode: BINARY, payload: 'x' }), frame({ payload: ping })],
    1006,
    1002,
  ],
  'a byte that is no UTF-8': [[frame({ payload: bytes(0xff) })], 1006, 1007],
  'an overlong UTF-8': [[frame({ payload: bytes(0xc0, 0xaf) })], 1006, 1007],
  'a surrogate in UTF-8': [[frame({ payload: bytes(0xed, 0xa0, 0x80) })], 1006, 1007],
  'a UTF-8 beyond Unicode': [[frame({ payload: bytes(0xf4, 0x90, 0x80, 0x80) })], 1006, 1007],
  'half a UTF-8': [[frame({ payload: bytes(0xe2, 0x82) })], 1006, 1007],
  'a UTF-8 that its continuation spoils': [[part(bytes(0xe2, 0x82)), rest(bytes(0x28))], 1006, 1007],
  'a close of one byte': [[frame({ opcode: CLOSE, payload: bytes(3) })], 1005, 1002],
  'a close with a reason that is no UTF-8': [[closeFrame(1000, bytes(0xff, 0xfe))], 1005, 1007],
  ...Object.fromEntries(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => [
      `the close code ${code}`,
      [[closeFrame(code)], 1005, 1002],
    ]),
  ),
  'a length of 2^63': [[frame({ length: 2n ** 63n, form: 64 })], 1006, 1009],
  'a length of 2^64 - 1': [[frame({ length: 2n ** 64n - 1n, form: 64 })], 1006, 1009],
  'a length of 2^53': [[frame({ length: 2n ** 53n, form: 64 })], 1006, 1009],
  'a length of 2^32 + 1': [[frame({ length: 2n ** 32n + 1n, form: 64 })], 1006, 1009],
  'a length of 257 KiB': [[frame({ length: 257 * 1024, form: 64 })], 1006, 1009],
  'a length in more bytes than it needs': [[frame({ payload: ping, form: 16 })], 'open'],
  'a length in eight bytes where one would do': [[frame({ payload: ping, form: 64 })], 'open'],
  'a ping with its length in two bytes': [[frame({ opcode: PING, payload: 'x', form: 16 })], 1006, 1002],
  'fragments that are too large together': [
    [part('x'.repeat(65_000)), ...Array.from({ length: 5 }, () => rest('x'.repeat(65_000), false))],
    1006,
    1009,
  ],
  'fragments over 64 KiB together': [[part('x'.repeat(40_000)), rest('x'.repeat(40_000))], 1009],
  'a frame after the close': [[closeFrame(1000), frame({ payload: ping })], 1000],
  'HTTP instead of frames': [[Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')], 1006, 1002],
  zeros: [[Buffer.alloc(64)], 1006, 1002],
}

/** Why a code is another than that of `ws`: for each pair of them. */
export const WHY_OTHER_CODES: Record<string, string> = {
  '1006 for 1002':
    'uWebSockets.js hangs up on a broken frame and sends no close frame, which RFC 6455, 7.1.7, leaves open',
  '1006 for 1007': 'the same for text that is no UTF-8',
  '1006 for 1009':
    'the same for what is longer than its maxPayloadLength; our own limit of 64 KiB lies below and has its code',
  '1005 for 1002': 'uWebSockets.js answers a close whose code may not be sent with a close without one',
  '1005 for 1007': 'the same for a reason that is no UTF-8',
  'open for 1002':
    'uWebSockets.js does not ask whether a frame has a mask, takes four bytes for one and waits for the rest; nor whether ' +
    'a binary message begins within a text. The sweep ends those who say nothing more',
}

/** Why a handshake has another status than with `ws`. */
export const WHY_OTHER_STATUSES: Record<string, string> = {
  '426 for 400': 'RFC 6455, 4.2.2, names 426 for another version; ws has it for a missing Upgrade only',
  '426 for 101': 'ws still takes version 8',
  '404 for 405': 'the path is there for GET and HEAD alone, and REST answers what it does not know',
  '400 for 405': 'HEAD is answered like GET, and opens no socket',
  '400 for 426': 'an Upgrade without its Connection is malformed',
  '400 for 101': 'RFC 9112, 3.2: a request without Host is 400, whatever it asks for',
  '505 for 101': 'RFC 6455, 4.1, demands HTTP/1.1',
}

const GOOD_HANDSHAKE = {
  line: 'GET /ws/alerts HTTP/1.1',
  Host: 'localhost',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
}

/** A handshake with some of its lines replaced; null leaves one out. */
export function handshake(changes: Record<string, string | null> = {}): string {
  const { line, ...fields } = { ...GOOD_HANDSHAKE, ...changes }
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
  return [line, ...lines, '', ''].join('\r\n')
}

/** The status that a handshake is answered with, and that of `ws`, where it is another. */
export const HANDSHAKES: Record<string, [request: string, status: number, ofWs?: number]> = {
  'nothing wrong with it': [handshake(), 101],
  'names in another case': [
    handshake({ Connection: null, connection: 'keep-alive, upgrade', Upgrade: 'WebSocket' }),
    101,
  ],
  'no key': [handshake({ 'Sec-WebSocket-Key': null }), 400],
  'an empty key': [handshake({ 'Sec-WebSocket-Key': '' }), 400],
  'a short key': [handshake({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }), 400],
  'a long key': [handshake({ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZSBpcyBsb25n' }), 400],
  'a key that is no base64': [handshake({ 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }), 400],
  'no version': [handshake({ 'Sec-WebSocket-Version': null }), 426, 400],
  'the version 12': [handshake({ 'Sec-WebSocket-Version': '12' }), 426, 400],
  'the version 8': [handshake({ 'Sec-WebSocket-Version': '8' }), 426, 101],
  'two versions': [handshake({ 'Sec-WebSocket-Version': '13, 8' }), 426, 400],
  'another method': [handshake({ line: 'POST /ws/alerts HTTP/1.1', 'Content-Length': '0' }), 404, 405],
  'the method HEAD': [handshake({ line: 'HEAD /ws/alerts HTTP/1.1' }), 400, 405],
  'no Upgrade': [handshake({ Upgrade: null }), 426],
  'another Upgrade': [handshake({ Upgrade: 'h2c' }), 426, 400],
  'no Connection': [handshake({ Connection: null }), 400, 426],
  'another Connection': [handshake({ Connection: 'close' }), 400, 426],
  'no Host': [handshake({ Host: null }), 400, 101],
  'HTTP/1.0': [handshake({ line: 'GET /ws/alerts HTTP/1.0' }), 505, 101],
  'a body': [`${handshake({ 'Content-Length': '5' })}hello`, 101],
}
