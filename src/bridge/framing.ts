/*
 * What the native parser lets through but another server, a proxy before us, could read otherwise: two readings of one
 * request are how requests are smuggled (RFC 9112 §6.3, §3.2). Such a request is answered 400 and its connection closed.
 */

/** Names in lower case, as the parser gives them, in the order of arrival. */
export type RawHeaders = readonly (readonly [name: string, value: string])[]

/** @returns what is wrong with the head of a request, or null */
export function framingFault(method: string, headers: RawHeaders): string | null {
  const all = (name: string) => headers.filter(([given]) => given === name).map(([, value]) => value)
  const lengths = all('content-length')
  const codings = all('transfer-encoding')
  if (lengths.length > 1) return 'More than one Content-Length'
  if (lengths[0] !== undefined && !/^\d{1,15}$/.test(lengths[0])) return 'Malformed Content-Length'
  if (lengths.length > 0 && codings.length > 0) return 'Content-Length together with Transfer-Encoding'
  if (codings.length > 1 || (codings[0] !== undefined && codings[0].toLowerCase() !== 'chunked')) {
    return 'Transfer-Encoding must be chunked'
  }
  if (all('host').length !== 1) return 'There must be one Host'
  if (all('authorization').length > 1) return 'More than one Authorization'
  if (method === 'CONNECT') return 'This is no proxy'
  return null
}

export function hasBody(headers: RawHeaders): boolean {
  return headers.some(
    ([name, value]) => name === 'transfer-encoding' || (name === 'content-length' && !/^0+$/.test(value)),
  )
}

export function isChunked(headers: RawHeaders): boolean {
  return headers.some(([name]) => name === 'transfer-encoding')
}
