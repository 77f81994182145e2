import type { RedisOptions } from 'ioredis'

/** Where Redis is, as REDIS_URL says it. */
export type RedisPlace =
  | { kind: 'single'; url: string }
  | ({ kind: 'sentinel'; master: string; db: number; sentinel: Credentials } & Servers)
  | ({ kind: 'cluster' } & Servers)

interface Servers {
  /** Some of the servers (of the Sentinels); they know the others. */
  servers: readonly { host: string; port: number }[]
  credentials: Credentials
  tls: Pick<RedisOptions, 'tls'>
}

interface Credentials {
  username?: string
  password?: string
}

export const REDIS_FORMS =
  'must be redis://host:6379, redis+sentinel://host:26379,…/<master> or redis+cluster://host:6379,… (rediss… for TLS)'

const MANY =
  /^(?<tls>rediss?)\+(?<kind>sentinel|cluster):\/\/((?<user>[^:@/]*):(?<password>[^@/]*)@)?(?<servers>[^@/?]+)(\/(?<path>[^?]*))?(\?(?<query>.*))?$/
const SERVER = /^(?<host>[\w.-]+|\[[\da-f:.]+\])(:(?<port>\d{1,5}))?$/i
const PORTS = { sentinel: 26379, cluster: 6379 }

/** Null for what is none of the forms. */
export function parseRedisUrl(url: string): RedisPlace | null {
  if (/^rediss?:/.test(url)) return URL.parse(url)?.hostname ? { kind: 'single', url } : null
  const { kind, tls, user, password, servers = '', path = '', query = '' } = MANY.exec(url)?.groups ?? {}
  if (kind !== 'sentinel' && kind !== 'cluster') return null
  const found = servers.split(',').map((server) => readServer(server, PORTS[kind]))
  const known = found.filter((server) => server !== null)
  if (known.length < found.length) return null
  const credentials = credentialsOf(decode(user), decode(password))
  const many = { servers: known, credentials, tls: tls === 'rediss' ? { tls: {} } : {} }
  if (kind === 'cluster') return path === '' && query === '' ? { kind, ...many } : null
  const [, master, db = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(path) ?? []
  if (master === undefined) return null
  const asked = new URLSearchParams(query)
  const sentinel = credentialsOf(asked.get('sentinel_username'), asked.get('sentinel_password'))
  return { kind, ...many, master: decode(master) ?? '', db: Number(db), sentinel }
}

function readServer(text: string, defaultPort: number): { host: string; port: number } | null {
  const { host, port } = SERVER.exec(text)?.groups ?? {}
  if (host === undefined) return null
  return { host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? defaultPort : Number(port) }
}

function credentialsOf(username: string | null | undefined, password: string | null | undefined): Credentials {
  return { ...(username ? { username } : {}), ...(password ? { password } : {}) }
}

function decode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
