import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { type Logger, rateLimitedErrors } from '../telemetry/log.ts'
import { keepLink } from './keep-link.ts'
import { parseRedisUrl, type RedisPlace } from './place.ts'

/** One Redis, the master that Sentinels name, or all masters of a cluster: commands are the same on each. */
export type RedisConnection = Redis | Cluster

/**
 * What a connection is for. A `producer` serves requests and fails fast. A `worker` waits for Redis as long as it takes:
 * BullMQ demands it, and with its offline queue off a dead Redis starves the event loop with errors. A `queue` is BullMQ's own
 * producer: it fails fast too, but waits for a server of a cluster that is being connected to, without which BullMQ's first
 * command fails and leaves a queue that is dead for ever; what it adds twice counts once. A `subscriber` fails
 * fast too, and its owner subscribes again when it is `ready`: what ioredis sends on its own may fail with nobody to hear it.
 */
export type ConnectionKind = 'producer' | 'queue' | 'worker' | 'subscriber'

/** ioredis alone backs off to 20 s; a Redis that is back must be found within two. */
const MOST_WAIT_MS = 2_000
const COMMAND_TIMEOUT_MS = 1_000
/** A link that died without a word is given up and made anew. */
const LINK_TIMEOUT_MS = 3_000
/** A worker's command may wait so long for a job to come, and its link is silent meanwhile. */
export const LONGEST_BLOCK_SECONDS = 2
/** Which server has what is looked up so often, beside every time that a server says it is another. */
const SLOTS_EVERY_MS = 2_000

/** A command that was under way when the link broke is not sent again: it may have been obeyed already. */
const FAILS_FAST = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
  socketTimeout: LINK_TIMEOUT_MS,
}
const OPTIONS = {
  producer: FAILS_FAST,
  queue: FAILS_FAST,
  subscriber: { ...FAILS_FAST, autoResubscribe: false },
  worker: { maxRetriesPerRequest: null, socketTimeout: LONGEST_BLOCK_SECONDS * 1_000 + LINK_TIMEOUT_MS },
} satisfies Record<ConnectionKind, RedisOptions>
const OF_A_CLUSTER = {
  producer: { enableOfflineQueue: false, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
  subscriber: { enableOfflineQueue: false, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
  queue: { retryDelayOnFailover: 200, retryDelayOnClusterDown: 200 },
  // BullMQ tries again itself. When a blocking command fails only after BullMQ has lost patience with it, it waits for an end
  // of the connection that never comes.
  worker: { retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
} satisfies Record<ConnectionKind, ClusterOptions>

/** As the constructor has it. */
type LinkOptions = Omit<RedisOptions, 'replyMapping'>

export interface ConnectOptions {
  name: string
  log: Logger
  kind: ConnectionKind
}

/** @throws Error for a URL that is none of the forms */
export function connectRedis(url: string, options: ConnectOptions): RedisConnection {
  const place = parseRedisUrl(url)
  if (place === null) throw new Error('Not the URL of a Redis')
  return place.kind === 'cluster' ? connectCluster(place, options) : connectServer(place, options)
}

/** To a server of a cluster, beside what the cluster's own connections do. */
export function connectMember(
  { credentials, tls }: Extract<RedisPlace, { kind: 'cluster' }>,
  server: { host: string; port: number },
  { name, log, kind }: ConnectOptions,
): Redis {
  const redis = keepLink(new Redis({ ...linkOptions(name, kind), ...server, ...credentials, ...tls }))
  redis.on('error', rateLimitedErrors(log, 'redis.error'))
  return redis
}

function connectServer(
  place: Exclude<RedisPlace, { kind: 'cluster' }>,
  { name, log, kind }: ConnectOptions,
): RedisConnection {
  const options = linkOptions(name, kind)
  const redis = keepLink(
    place.kind === 'single' ? new Redis(place.url, options) : new Redis({ ...options, ...sentinelOptions(place) }),
  )
  redis.on('error', rateLimitedErrors(log, 'redis.error'))
  gatherWrites(redis)
  return redis
}

/**
 * Commands of one turn of the event loop leave in one write: a batch of deliveries ends in one turn, and each write of its own
 * costs a system call here, one there, and as much for the answer.
 */
function gatherWrites(redis: Redis): void {
  redis.on('connect', () => {
    const { stream } = redis
    const write = stream.write.bind(stream)
    let gathering = false
    stream.write = ((...args: Parameters<typeof write>) => {
      if (!gathering) {
        gathering = true
        stream.cork()
        process.nextTick(() => {
          gathering = false
          stream.uncork()
        })
      }
      return write(...args)
    }) as typeof write
  })
}

function linkOptions(name: string, kind: ConnectionKind): LinkOptions {
  return {
    connectionName: name.replaceAll(' ', '-'),
    connectTimeout: 5_000,
    retryStrategy: (times) => wait(times),
    // It was the master, and is none any more.
    reconnectOnError: (error) => error.message.includes('READONLY'),
    ...OPTIONS[kind],
  }
}

function wait(times: number): number {
  return Math.min(200 * times, MOST_WAIT_MS)
}

/** What finds the master by its Sentinels. */
export function sentinelOptions(place: Extract<RedisPlace, { kind: 'sentinel' }>): LinkOptions {
  const { servers, master, db, sentinel, credentials, tls } = place
  return {
    sentinels: servers.map((server) => ({ ...server })),
    name: master,
    db,
    ...credentials,
    ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    ...(tls.tls ? { ...tls, sentinelTLS: tls.tls, enableTLSForSentinelMode: true } : {}),
    sentinelRetryStrategy: wait,
    // A Sentinel that says nothing is passed over.
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    // The Sentinels say when the master is another; a dead one may leave its links open.
    failoverDetector: true,
  }
}

function connectCluster(
  { servers, credentials, tls }: Extract<RedisPlace, { kind: 'cluster' }>,
  { name, log, kind }: ConnectOptions,
): Cluster {
  const cluster = new Cluster(
    servers.map((server) => ({ ...server })),
    {
      redisOptions: {
        ...{ connectionName: name.replaceAll(' ', '-'), connectTimeout: 5_000 },
        ...{ ...credentials, ...tls },
        ...withoutQueue(OPTIONS[kind]),
      },
      clusterRetryStrategy: wait,
      slotsRefreshInterval: SLOTS_EVERY_MS,
      ...OF_A_CLUSTER[kind],
    },
  )
  const onError = rateLimitedErrors(log, 'redis.error')
  cluster.on('error', onError)
  cluster.on('node error', onError)
  // A command to a server that is being connected to would fail, so each is connected to at once.
  cluster.on('+node', (node: Redis) => void connectEarly(node).catch(onError))
  // Which server took the place of one that is gone.
  cluster.on('-node', () => cluster.refreshSlotsCache())
  return cluster
}

/** A cluster takes this one for all of its links. */
function withoutQueue<Options extends RedisOptions>({ enableOfflineQueue: _, ...options }: Options) {
  return options
}

async function connectEarly(node: Redis): Promise<void> {
  if (node.status === 'wait') await node.connect()
}
