import { isIP } from 'node:net'
import type { AddressGuard } from '../deliveries/address-guard.ts'

const LONGEST = 2048
/** Names that only mean something inside a network (RFC 6761, RFC 6762, RFC 8375 and habit). */
const INSIDE = /(^|\.)(localhost|local|internal|intranet|lan|home|corp|private|home\.arpa|test|invalid|example|onion)$/
/** What one reader of URLs drops, another takes for a slash and a person does not see. */
const MISREAD = /[\s\\\p{C}]/u

/**
 * Why a URL cannot be a webhook's, or null. Names are looked up and vetted at every attempt; here only what can be seen in
 * the text is refused, so that its owner learns of it at once.
 */
export function checkUrl(text: string, guard: AddressGuard): string | null {
  if (text.length > LONGEST) return `must have at most ${LONGEST} characters`
  if (MISREAD.test(text)) return 'must not hold spaces, backslashes or characters that are not seen'
  if (!URL.canParse(text)) return 'is not a URL'
  const url = new URL(text)
  if (!/^https?:\/\/[^/]/i.test(text)) return 'must begin with https:// or http://'
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password; use `headers`'
  if (url.hash !== '') return 'must not have a fragment'
  if (url.port === '0') return 'must not name port 0'
  return refuseHost(url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, ''), guard)
}

function refuseHost(host: string, guard: AddressGuard): string | null {
  if (isIP(host)) return guard.refuse(host)
  if (host === 'localhost' && guard.loopbackAllowed) return null
  if (INSIDE.test(host)) return `${host} is a name of an inner network`
  const labels = host.split('.')
  if (labels.length < 2 || labels.includes('')) return `${host} is not a full host name`
  return null
}
