import { BlockList, isIPv4, isIPv6 } from 'node:net'

/*
 * Which addresses a webhook may be sent to. IPv6 by allow-list: global unicast (2000::/3) less its special blocks; IPv4 by the
 * IANA special-purpose registry, plus 168.63.129.16 (a cloud's host agent on a public address). An IPv6 address that carries
 * an IPv4 address is judged by that one: mapped, NAT64 (RFC 6052), 6to4; ISATAP, which adds a prefix of anybody's, by both.
 * Teredo, which hides one, is refused whole.
 */

const PRIVATE_V4 = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared with the carrier
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // a cloud's host agent
  ['169.254.0.0', 16], // link-local, cloud metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
] as const

const SPECIAL_V6 = [
  ['2001::', 23], // protocol assignments, Teredo among them
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: unwrapped before this is asked
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
] as const

const specialV4 = new BlockList()
for (const [network, bits] of PRIVATE_V4) specialV4.addSubnet(network, bits, 'ipv4')
const specialV6 = new BlockList()
for (const [network, bits] of SPECIAL_V6) specialV6.addSubnet(network, bits, 'ipv6')
const globalV6 = new BlockList()
globalV6.addSubnet('2000::', 3, 'ipv6')

export type AddressClass = 'public' | 'special' | 'malformed'

/** Judges one address as text, without a zone. */
export function classify(address: string): AddressClass {
  if (isIPv4(address)) return specialV4.check(address, 'ipv4') ? 'special' : 'public'
  if (!isIPv6(address) || address.includes('%')) return 'malformed'
  const words = wordsOf(address)
  const carried = carriedV4(words)
  if (carried !== null) return classify(carried)
  if (!globalV6.check(address, 'ipv6') || specialV6.check(address, 'ipv6')) return 'special'
  return isIsatap(words) ? classify(dotted(words[6], words[7])) : 'public'
}

/** The IPv4 address that packets to this one end at, or null when it carries none. */
export function innerAddress(address: string): string | null {
  if (!isIPv6(address)) return null
  const words = wordsOf(address)
  return carriedV4(words) ?? (isIsatap(words) ? dotted(words[6], words[7]) : null)
}

/** The one form of an address that two spellings of it share; IPv4 in IPv6 clothes becomes IPv4. */
export function plainAddress(address: string): string {
  if (isIPv4(address) || !isIPv6(address)) return address
  const words = wordsOf(address)
  return mappedV4(words) ?? words.map((word) => word.toString(16)).join(':')
}

/** The eight 16-bit words of an IPv6 address. */
function wordsOf(address: string): number[] {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    return `${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`
  })
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].map((word) => Number.parseInt(word, 16))
}

/** Of the local NAT64 prefix (RFC 8215) only the first /96: prefixes of other lengths hold the IPv4 address elsewhere. */
function carriedV4(words: readonly number[]): string | null {
  const [w0, w1, w2, w3, w4, w5] = words
  const nat64 = w0 === 0x64 && w1 === 0xff9b && (w2 === 0 || w2 === 1) && w3 === 0 && w4 === 0 && w5 === 0
  if (nat64) return dotted(words[6], words[7])
  if (w0 === 0x2002) return dotted(w1, w2)
  return mappedV4(words)
}

function isIsatap(words: readonly number[]): boolean {
  return (words[4] === 0 || words[4] === 0x200) && words[5] === 0x5efe
}

/** ::ffff:a.b.c.d, and the old ::a.b.c.d (of which :: and ::1 are no addresses of anybody's). */
function mappedV4(words: readonly number[]): string | null {
  const zeros = words.slice(0, 5).every((word) => word === 0)
  return zeros && (words[5] === 0xffff || (words[5] === 0 && (words[6] ?? 0) > 0)) ? dotted(words[6], words[7]) : null
}

function dotted(high = 0, low = 0): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
