/** An answer as it came over the wire. */
export interface RawAnswer {
  status: number
  reason: string
  /** In lower case; several of one name are several entries. */
  headers: [name: string, value: string][]
  body: Buffer
  /** False when the connection ended in the middle. */
  complete: boolean
}

export interface Parsed {
  answers: RawAnswer[]
  /** What came after the last answer. */
  rest: Buffer
}

/**
 * Reads answers one after the other. `bodiless` says that the requests were HEAD; `over` that the connection has ended,
 * which is what ends a body that has neither a length nor chunks.
 */
export function parseAnswers(bytes: Buffer, options: { bodiless: boolean; over: boolean }): Parsed {
  const answers: RawAnswer[] = []
  let rest = bytes
  for (;;) {
    const next = parseAnswer(rest, options)
    if (!next) return { answers, rest }
    answers.push(next.answer)
    rest = rest.subarray(next.length)
    if (!next.answer.complete) return { answers, rest }
  }
}

function parseAnswer(bytes: Buffer, options: { bodiless: boolean; over: boolean }) {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [, status = '', reason = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first) ?? []
  if (status === '') throw new Error(`No status line: ${JSON.stringify(first)}`)
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const head = { status: Number(status), reason, headers }
  const { body, length, complete } = parseBody(bytes.subarray(end + 4), head, options)
  return { answer: { ...head, body, complete }, length: end + 4 + length }
}

function parseBody(
  bytes: Buffer,
  { status, headers }: Pick<RawAnswer, 'status' | 'headers'>,
  { bodiless, over }: { bodiless: boolean; over: boolean },
): { body: Buffer; length: number; complete: boolean } {
  const header = (name: string) => headers.find(([given]) => given === name)?.[1]
  if (bodiless || status < 200 || status === 204 || status === 304) {
    return { body: Buffer.alloc(0), length: 0, complete: true }
  }
  if (header('transfer-encoding') === 'chunked') return parseChunks(bytes)
  const declared = header('content-length')
  if (declared === undefined) return { body: bytes, length: bytes.length, complete: over }
  const length = Math.min(Number(declared), bytes.length)
  return { body: bytes.subarray(0, length), length, complete: length === Number(declared) }
}

function parseChunks(bytes: Buffer): { body: Buffer; length: number; complete: boolean } {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (size === 0) {
      // Past the trailers.
      const end = bytes.indexOf('\r\n\r\n', lineEnd)
      return { body: Buffer.concat(chunks), length: end < 0 ? bytes.length : end + 4, complete: end >= 0 }
    }
    const dataEnd = lineEnd + 2 + size
    if (lineEnd >= 0) chunks.push(bytes.subarray(lineEnd + 2, dataEnd))
    if (Number.isNaN(size) || bytes.length < dataEnd + 2) {
      return { body: Buffer.concat(chunks), length: bytes.length, complete: false }
    }
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n') throw new Error('A chunk is longer than it says')
    at = dataEnd + 2
  }
}
