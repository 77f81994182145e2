import type { HttpRequest } from 'uWebSockets.js'

/** Node has header text as Latin-1, the library as UTF-8. */
export function latin1(value: string): string | Buffer {
  return isAscii(value) ? value : Buffer.from(value, 'latin1')
}

export function readHeaders(request: HttpRequest): [name: string, value: string][] {
  const headers: [string, string][] = []
  request.forEach((name, value) => {
    headers.push([name, isAscii(value) ? value : asLatin1(value, () => request.getHeader(name))])
  })
  return headers
}

/** What was not UTF-8 has lost its bytes already; the library gives the first value of a name as Latin-1, too. */
function asLatin1(value: string, first: () => string): string {
  return value.includes('\ufffd') ? first() : Buffer.from(value).toString('latin1')
}

/** What `writeHead` takes: an object, or names and values in turn. */
export function headerPairs(headers: object | undefined): [name: string, value: string | string[]][] {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {}).map(([name, value]) => [name, asText(value)])
  return headers.flatMap((name, index) => (index % 2 === 0 ? [[String(name), asText(headers[index + 1])]] : []))
}

function asText(value: unknown): string | string[] {
  return Array.isArray(value) ? value.map(String) : String(value)
}

function isAscii(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of ASCII is what is meant
  return /^[\x00-\x7f]*$/.test(value)
}
