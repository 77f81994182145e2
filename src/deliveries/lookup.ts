import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

/** All addresses of a name. It rejects when there is none or nobody said. */
export type Lookup = (hostname: string) => Promise<LookupAddress[]>

/*
 * Names are asked of the name servers, without threads. The system's own `getaddrinfo` has four threads for the whole process:
 * four names of one webhook's owner whose servers keep silent would hold up the names of everybody else. As there, the hosts
 * file comes first; a search list does not apply, since a webhook's host is a full name.
 */
const SILENT_MS = 1_000
const TRIES = 2
const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts'
/** RFC 6761 §6.3: it is loopback, whatever anybody says. */
const LOCALHOST = ['127.0.0.1', '::1']

/** @param servers other than the system's, each `address:port` */
export function createLookup(servers?: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: SILENT_MS, tries: TRIES })
  if (servers) resolver.setServers(servers)
  return async (hostname) => {
    const name = hostname.replace(/\.$/, '').toLowerCase()
    const known = name === 'localhost' ? LOCALHOST : await inHostsFile(name)
    return (known.length > 0 ? known : await ask(resolver, name)).map(toLookupAddress)
  }
}

/** IPv4 first: a host without IPv6 would try in vain. */
async function ask(resolver: Resolver, name: string): Promise<string[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (addresses.length > 0) return addresses
  const codes = answers.map((answer) => (answer.status === 'rejected' ? String(answer.reason.code) : ''))
  const code = codes.find((one) => one !== 'ENOTFOUND' && one !== 'ENODATA' && one !== '')
  if (code === undefined) throw unresolved(`${name} has no address`, 'ENOTFOUND')
  throw unresolved(`${name} could not be looked up (${code})`, 'EAI_AGAIN')
}

async function inHostsFile(name: string): Promise<string[]> {
  const text = await readFile(HOSTS_FILE, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    return isIP(address) && names.some((one) => one.toLowerCase() === name) ? [address] : []
  })
}

/** @param code one of the system's, which is what callers know */
export function unresolved(message: string, code: 'ENOTFOUND' | 'EAI_AGAIN'): Error {
  return Object.assign(new Error(message), { code })
}

function toLookupAddress(address: string): LookupAddress {
  return { address, family: isIP(address) }
}
