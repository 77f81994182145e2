import { Redis } from 'ioredis'
import { clockBehind } from '../../db/check-clock.ts'
import { sentinelOptions } from '../../redis/connect.ts'
import { parseRedisUrl, REDIS_FORMS, type RedisPlace } from '../../redis/place.ts'
import { isSafeVersion, SAFE_VERSIONS } from '../../safe-versions.ts'
import { clockFinding } from './clock-finding.ts'
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts'

const OLDEST = [6, 2]
const LIMIT_MS = 5_000
/** One try, since somebody waits for the verdict. */
const ONCE = {
  lazyConnect: true,
  connectTimeout: LIMIT_MS,
  commandTimeout: LIMIT_MS,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
}

/** One Redis, the master that Sentinels name, or every master of a cluster. @param about the variable that names it */
export async function checkRedis(about: string, url: string): Promise<Finding[]> {
  const place = parseRedisUrl(url)
  if (place === null) return [fail(about, 'is not the address of a Redis', `It ${REDIS_FORMS}.`)]
  switch (place.kind) {
    case 'single':
      return visit(about, new Redis(place.url, ONCE))
    case 'sentinel': {
      const toMaster = { ...sentinelOptions(place), sentinelRetryStrategy: () => null, failoverDetector: false }
      return visit(about, new Redis({ ...ONCE, ...toMaster }))
    }
    case 'cluster':
      return checkCluster(about, place)
    default:
      return place satisfies never
  }
}

async function visit(about: string, redis: Redis, look: (redis: Redis) => Promise<Finding[]> = lookAt(about)) {
  let reason: unknown
  redis.on('error', (error) => {
    reason = error
  })
  try {
    await redis.connect()
    return await look(redis)
  } catch (error) {
    return [fail(about, `cannot be reached: ${reasonOf(reason ?? error)}`, `Check ${about}, and that the server runs.`)]
  } finally {
    redis.disconnect()
  }
}

type ClusterPlace = Extract<RedisPlace, { kind: 'cluster' }>

/** The first of its servers that answers knows the others. */
async function checkCluster(about: string, place: ClusterPlace): Promise<Finding[]> {
  const memberAt = (server: { host: string; port: number }) =>
    new Redis({ ...ONCE, ...server, ...place.credentials, ...place.tls })
  let unreached: Finding[] = []
  for (const server of place.servers) {
    let masters: { host: string; port: number }[] | undefined
    const state = await visit(about, memberAt(server), async (redis) => {
      masters = await mastersOf(redis)
      return [checkState(about, readInfo(String(await redis.cluster('INFO'))), masters.length)]
    })
    if (masters === undefined) unreached = state
    else {
      const each = masters.map((master) => visit(`${about} (${master.host}:${master.port})`, memberAt(master)))
      return [...state, ...(await Promise.all(each)).flat()]
    }
  }
  return unreached
}

/** `CLUSTER SLOTS`: ranges of slots, each with its master first. */
async function mastersOf(redis: Redis): Promise<{ host: string; port: number }[]> {
  const ranges = await redis.cluster('SLOTS')
  const masters = ranges.flatMap(([, , master]) => (master ? [{ host: master[0], port: master[1] }] : []))
  return [...new Map(masters.map((master) => [`${master.host}:${master.port}`, master])).values()]
}

export function checkState(about: string, { cluster_state: state = 'unknown' }: Info, masters: number): Finding {
  if (state === 'ok') return ok(about, `a cluster of ${masters} masters, all slots served`)
  return fail(about, `the cluster is ${state}`, 'Look at CLUSTER INFO and CLUSTER NODES: some slots have no server.')
}

function lookAt(about: string): (redis: Redis) => Promise<Finding[]> {
  return (redis) => look(about, redis)
}

async function look(about: string, redis: Redis): Promise<Finding[]> {
  const info = readInfo(await redis.info())
  return [
    checkVersion(about, info),
    checkEviction(about, info),
    checkPersistence(about, info),
    clockFinding(about, await clockBehind(async () => toMs(await redis.time()))),
  ]
}

export type Info = Record<string, string>

export function readInfo(text: string): Info {
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]))
}

export function checkVersion(about: string, info: Info): Finding {
  const { redis_version = 'unknown', valkey_version } = info
  const [major = 0, minor = 0] = redis_version.split('.').map(Number)
  if (major < 6 || (major === OLDEST[0] && minor < 2)) {
    return fail(about, `Redis ${redis_version} is too old`, 'Use Redis 6.2 or newer, or Valkey.')
  }
  if (valkey_version !== undefined) return ok(about, `reached, Valkey ${valkey_version}`)
  const safe = SAFE_VERSIONS.find(({ name }) => name === 'Redis')
  if (safe === undefined || isSafeVersion(safe, redis_version)) return ok(about, `reached, Redis ${redis_version}`)
  const remedy = `Install one of ${safe.least.join(', ')} or newer; a distribution may have mended it under the old number.`
  return warn(about, `Redis ${redis_version} has known flaws: ${safe.because}`, remedy)
}

export function checkEviction(about: string, { maxmemory_policy: policy }: Info): Finding {
  const remedy = 'Set maxmemory-policy noeviction: a Redis that evicts loses jobs and the numbers of streams.'
  if (policy === 'noeviction') return ok(about, 'maxmemory-policy noeviction')
  if (policy === undefined) return warn(about, 'does not tell its maxmemory-policy', remedy)
  return fail(about, `maxmemory-policy is ${policy}`, remedy)
}

/** Nothing that is owed lives here alone; only the history of streams does. */
export function checkPersistence(about: string, { aof_enabled }: Info): Finding {
  if (aof_enabled === '1') return ok(about, 'appendonly yes')
  const says = 'appendonly is off: nothing owed is lost with it, but clients cannot resume over a restart of Redis'
  return warn(about, says, 'Set appendonly yes if streams must resume then too.')
}

function toMs([seconds = 0, microseconds = 0]: readonly (number | string)[]): number {
  return Number(seconds) * 1000 + Number(microseconds) / 1000
}
