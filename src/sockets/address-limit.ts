import { isIPv6 } from 'node:net'

/** What one client address may have and do in this process. */
export interface AddressLimit {
  /** Counts a handshake; null, or after how many seconds one is taken again. */
  tooOften(address: string): number | null
  /** @returns false when the address has as many sockets as it may; else the caller must `leave` */
  enter(address: string): boolean
  leave(address: string): void
  /** Addresses with a socket. */
  addresses(): number
}

const MINUTE_MS = 60_000

/**
 * Loopback is not limited: there it is a proxy on the same machine, whose clients would share one limit, or the machine's own
 * programs. Of IPv6 a client commands a whole /64, which so counts as one.
 */
export function createAddressLimit(deps: {
  maxSockets: number
  handshakesPerMinute: number
  now?: () => number
}): AddressLimit {
  const now = deps.now ?? (() => performance.now())
  const sockets = new Map<string, number>()
  let handshakes = new Map<string, number>()
  let minuteBegan = now()

  return {
    tooOften(address) {
      const elapsed = now() - minuteBegan
      if (elapsed >= MINUTE_MS) {
        handshakes = new Map()
        minuteBegan = now()
      }
      const network = networkOf(address)
      if (network === null) return null
      const count = (handshakes.get(network) ?? 0) + 1
      handshakes.set(network, count)
      return count > deps.handshakesPerMinute ? Math.max(1, Math.ceil((MINUTE_MS - elapsed) / 1000)) : null
    },
    enter(address) {
      const network = networkOf(address)
      if (network === null) return true
      const count = sockets.get(network) ?? 0
      if (count >= deps.maxSockets) return false
      sockets.set(network, count + 1)
      return true
    },
    leave(address) {
      const network = networkOf(address)
      if (network === null) return
      const count = sockets.get(network) ?? 0
      if (count > 1) sockets.set(network, count - 1)
      else sockets.delete(network)
    },
    addresses: () => sockets.size,
  }
}

/** Null for loopback. */
function networkOf(address: string): string | null {
  if (/^127\.\d+\.\d+\.\d+$/.test(address) || address === '::1') return null
  if (!isIPv6(address)) return address
  const [before = '', after] = address.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array<string>(Math.max(0, zeros)).fill('0'), ...tail].slice(0, 4).join(':')
}
