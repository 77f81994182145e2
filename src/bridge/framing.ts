import { METHODS } from 'node:http'
import { ApiError } from '../errors.ts'
import { MAX_HEAD_BYTES } from './header-limit.ts'

/*
 * What the native parser lets through but another server, a proxy before us, could read otherwise: two readings of one
 * request are how requests are smuggled (RFC 9112 §6.3, §3.2). Such a request is answered 400 and its connection closed.
 */

/** Names in lower case, as the parser gives them, in the order of arrival. */
export type RawHeaders = readonly (readonly [name: string, value: string])[]

const KNOWN_METHODS = new Set(METHODS)

/** @returns why a request cannot be taken, or null */
export function refusalOf(method: string, url: string, headers: RawHeaders): ApiError | null {
  const size = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, url.length)
  if (size > MAX_HEAD_BYTES) {
    return new ApiError(431, 'headers_too_large', `The head of the request has more than ${MAX_HEAD_BYTES} bytes.`)
  }
  const fault = framingFault(method, url, headers)
  return fault === null ? null : new ApiError(400, 'bad_request', `${fault}.`)
}

function framingFault(method: string, url: string, headers: RawHeaders): string | null {
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
  // Among them what the native parser takes for a method and is a trailer of the request before.
  if (!KNOWN_METHODS.has(method)) return 'Unknown method'
  if (!/^[\x21-\x7e]*$/.test(url)) return 'The target must be ASCII'
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

/** @param connection the value of such a header */
export function asksToClose(connection: string): boolean {
  return /(^|,)\s*close\s*(,|$)/i.test(connection)
}
