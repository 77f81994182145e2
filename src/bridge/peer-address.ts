import type { HttpResponse } from 'uWebSockets.js'
import { SocketAddress } from 'node:net'

/** As Node writes it, but that a server on `::` sees its IPv4 clients as what they are, not as mapped addresses. */
export function peerAddress(native: HttpResponse): string {
  const address = Buffer.from(native.getRemoteAddressAsText()).toString()
  if (!address.includes(':')) return address
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '')
}
