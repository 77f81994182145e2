import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { buildConnector } from 'undici'
import { plainAddress } from './address-classes.ts'
import type { AddressGuard } from './address-guard.ts'
import { limitAnswers } from './answer-limit.ts'
import { createLookup, type Lookup, unresolved } from './lookup.ts'

/** A connection that the guard refused. */
export class BlockedAddress extends Error {
  readonly code = 'BLOCKED_ADDRESS'
}

/** How names and certificates are judged, where that is not the system's business. */
export interface Trust {
  lookup?: Lookup
  /** PEM of the only authorities that are trusted. */
  ca?: string
}

export interface Connector {
  connect: buildConnector.connector
  /** Cuts short what is being dialled; nothing is dialled after. */
  close(): void
}

/** What ends a connection that is being made when its sender is closed. */
export class SenderClosed extends Error {}

/** A name server or one address of several may be dead: give up on it well before the attempt's own deadline. */
const STEP_MS = 5_000
/** A name may have any number of dead addresses, and dialling goes on after the attempt that began it is over. */
const MOST_DIALLED = 4

/**
 * Connects undici to vetted addresses only. A name is resolved here and now, every one of its answers must pass, and what was
 * vetted is what is dialled, so a name cannot change its answer in between. Literals are vetted as well, since `net.connect`
 * looks none of them up. After the handshake the peer's address is compared once more.
 */
export function guardedConnector(guard: AddressGuard, trust: Trust): Connector {
  const dialling = new Set<Socket>()
  const lookup = trust.lookup ?? createLookup()
  let closed = false

  async function open(options: buildConnector.Options): Promise<Socket> {
    const hostname = options.hostname.replace(/^\[|\]$/g, '')
    const addresses = await vettedAddresses(guard, lookup, hostname)
    let failure: unknown = unresolved(`${hostname} has no address`, 'ENOTFOUND')
    for (const address of addresses.slice(0, MOST_DIALLED)) {
      if (closed) throw new SenderClosed()
      const socket = newSocket(address, hostname, options, trust)
      dialling.add(socket)
      try {
        return await connected(socket, address)
      } catch (error) {
        failure = error
      } finally {
        dialling.delete(socket)
      }
    }
    throw failure
  }

  return {
    connect(options, callback) {
      open(options).then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      )
    },
    close() {
      closed = true
      for (const socket of dialling) socket.destroy(new SenderClosed())
    },
  }
}

async function vettedAddresses(guard: AddressGuard, lookup: Lookup, hostname: string): Promise<string[]> {
  const late = setTimeout(STEP_MS, null, { ref: false })
  const found = isIP(hostname) ? [{ address: hostname }] : await Promise.race([lookup(hostname), late])
  if (found === null) throw unresolved(`${hostname} was not resolved in time`, 'EAI_AGAIN')
  for (const { address } of found) {
    const reason = guard.refuse(address)
    if (reason === null) continue
    // What a name means within our network is nothing that its owner, who reads this, must learn.
    throw new BlockedAddress(isIP(hostname) ? reason : `${hostname} has an address that webhooks may not be sent to`)
  }
  return found.map(({ address }) => address)
}

function newSocket(address: string, hostname: string, options: buildConnector.Options, trust: Trust): Socket {
  const secure = options.protocol === 'https:'
  const target = { host: address, port: Number(options.port || (secure ? 443 : 80)), noDelay: true }
  if (!secure) return connectTcp(target)
  const name = isIP(hostname) ? {} : { servername: hostname }
  return connectTls({
    ...target,
    ...name,
    ...(trust.ca === undefined ? {} : { ca: trust.ca }),
    ALPNProtocols: ['http/1.1'],
    // Said here, NODE_TLS_REJECT_UNAUTHORIZED cannot say otherwise.
    rejectUnauthorized: true,
  })
}

function connected(socket: Socket, address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const late = Object.assign(new Error(`connect timed out ${address}`), { code: 'ETIMEDOUT' })
    const timer = globalThis.setTimeout(() => socket.destroy(late), STEP_MS)
    // It stays after the handshake: a TLS error then does not close the socket, and undici would wait for an answer.
    socket.on('error', (error) => {
      socket.destroy()
      reject(error)
    })
    socket.once('close', () => clearTimeout(timer))
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      if (plainAddress(socket.remoteAddress ?? '') !== plainAddress(address)) {
        socket.destroy(new BlockedAddress(`connected to ${socket.remoteAddress} instead of ${address}`))
        return
      }
      limitAnswers(socket)
      resolve(socket)
    })
  })
}
