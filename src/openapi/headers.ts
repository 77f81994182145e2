/** Response headers by their names in `components.headers`. */
export const HEADERS = {
  'X-Request-Id': text('Names the request in logs and errors; a sensible one of yours is kept.', 'req_7f3a1c'),
  'X-RateLimit-Limit': text('Requests a minute of your tier.', '60'),
  'X-RateLimit-Remaining': text('Requests left in this minute.', '59'),
  'X-RateLimit-Reset': text('When the minute ends, in Unix seconds.', '1780306260'),
  'Retry-After': text('Seconds to wait before the next try.', '2'),
  'WWW-Authenticate': text('The scheme that is asked for.', 'Bearer'),
  'Idempotency-Replayed': text('`true`: the answer of the first request with this key.', 'true'),
  Location: text('Where to go on.', '/admin/queues'),
  'Set-Cookie': text('The cookie of the board, for its own paths alone.', 'ara_board=…; Path=/admin/queues'),
  ETag: text('Changes with the document.', '"1k2x9"'),
}

export type HeaderName = keyof typeof HEADERS

export function headerReferences(names: readonly HeaderName[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

function text(description: string, example: string) {
  return { description, schema: { type: 'string' }, example }
}
