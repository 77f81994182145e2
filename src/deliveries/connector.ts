import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { buildConnector } from 'undici'
import { plainAddress } from './address-classes.ts'
import type { AddressGuard } from './address-guard.ts'

/** All addresses of a name. */
export type Lookup = (hostname: string) => Promise<LookupAddress[]>

/** A connection that the guard refused. */
export class BlockedAddress extends Error {
  readonly code = 'BLOCKED_ADDRESS'
}

/**
 * Connects undici to vetted addresses only. A name is resolved here and now, every one of its answers must pass, and what was
 * vetted is what is dialled, so a name cannot change its answer in between. Literals are vetted as well, since `net.connect`
 * looks none of them up. After the handshake the peer's address is compared once more.
 */
export function guardedConnector(guard: AddressGuard, lookup: Lookup = lookupAll): buildConnector.connector {
  return (options, callback) => {
    open(guard, lookup, options).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    )
  }
}

async function open(guard: AddressGuard, lookup: Lookup, options: buildConnector.Options): Promise<Socket> {
  const hostname = options.hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(hostname) ? [{ address: hostname, family: isIP(hostname) }] : await lookup(hostname)
  for (const { address } of addresses) {
    const reason = guard.refuse(address)
    if (reason !== null) throw new BlockedAddress(reason)
  }
  let failure: unknown = Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' })
  for (const { address } of addresses) {
    try {
      return await dial(address, hostname, options)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function dial(address: string, hostname: string, options: buildConnector.Options): Promise<Socket> {
  const secure = options.protocol === 'https:'
  const target = { host: address, port: Number(options.port || (secure ? 443 : 80)) }
  return new Promise((resolve, reject) => {
    const socket: Socket = secure
      ? connectTls({ ...target, ...(isIP(hostname) ? {} : { servername: hostname }), ALPNProtocols: ['http/1.1'] })
      : connectTcp(target)
    socket.setNoDelay(true)
    const timer = setTimeout(
      () => fail(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' })),
      CONNECT_MS,
    )
    const fail = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail)
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      if (plainAddress(socket.remoteAddress ?? '') === plainAddress(address)) resolve(socket)
      else fail(new BlockedAddress(`connected to ${socket.remoteAddress} instead of ${address}`))
    })
  })
}

/** One address of several may be dead: go on to the next well before the attempt's own deadline. */
const CONNECT_MS = 5_000

function lookupAll(hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    )
  })
}
