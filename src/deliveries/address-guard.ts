import { BlockList, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { classify, innerAddress, plainAddress } from './address-classes.ts'

/** Decides whether the sender may connect to an address: public ones that are not this host's own, and ranges that are opened. */
export interface AddressGuard {
  /** Why an address is refused, or null. */
  refuse(address: string): string | null
  /** Whether loopback is opened, which also makes `localhost` a fine name for a webhook. */
  loopbackAllowed: boolean
}

const REMEDY = ' (only an operator can open it, with WEBHOOK_ALLOW_CIDRS)'
const OWN_ADDRESSES_MS = 30_000

/** @param allowCidrs ranges that may be sent to although they are special or our own, e.g. `10.1.0.0/16` */
export function createAddressGuard(
  allowCidrs: readonly string[],
  ownAddresses: () => string[] = hostAddresses,
  now: () => number = Date.now,
): AddressGuard {
  const opened = new BlockList()
  for (const cidr of allowCidrs) {
    const [network = '', bits = ''] = cidr.split('/')
    opened.addSubnet(network, Number(bits), isIPv4(network) ? 'ipv4' : 'ipv6')
  }
  let own = new Set<string>()
  let readAt = Number.NEGATIVE_INFINITY

  function isOwn(address: string): boolean {
    if (now() - readAt > OWN_ADDRESSES_MS) {
      own = new Set(ownAddresses().map(plainAddress))
      readAt = now()
    }
    return own.has(address)
  }

  function isOpened(address: string): boolean {
    return opened.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
  }

  return {
    refuse(address) {
      const kind = classify(address)
      if (kind === 'malformed') return `${address} is not an address`
      const plain = plainAddress(address)
      if (isOpened(plain)) return null
      if (kind === 'special') return `${address} is not a public address${REMEDY}`
      return isOwn(plain) || isOwn(innerAddress(address) ?? '')
        ? `${address} is an address of this host${REMEDY}`
        : null
    },
    loopbackAllowed: isOpened('127.0.0.1'),
  }
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map((entry) => entry.address))
}
