import { Registry } from 'prom-client'
import { type Config, readConfig } from '../../src/config.ts'
import { unauthorized } from '../../src/errors.ts'
import type { Authenticator } from '../../src/identity/authenticator.ts'
import { createLoginLimit } from '../../src/identity/login-limit.ts'
import type { Principal, Tier } from '../../src/identity/principal.ts'
import { listen } from '../../src/listener.ts'
import type { RedisConnection } from '../../src/redis/connect.ts'
import { attachStreams, type StreamServer } from '../../src/sockets/stream-server.ts'
import type { Probing } from '../../src/sockets/sweep.ts'
import type { Backplane } from '../../src/streams/backplane.ts'
import { createIntake } from '../../src/streams/intake.ts'
import { createMemoryBackplane } from '../../src/streams/memory-backplane.ts'
import type { OutgoingMessage } from '../../src/streams/publisher.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { createStreamMetrics } from '../../src/telemetry/stream-metrics.ts'

/** The streams on a port of their own, without the rest of the system. */
export interface TestStreams {
  port: number
  /** `ws://127.0.0.1:<port>` */
  url: string
  streams: StreamServer
  backplane: Backplane
  errors: unknown[]
  /** The sum of its values; of a histogram `<name>_sum` or `<name>_count`. */
  metric(name: string): Promise<number>
  /** Of a counter, by the values of one label. */
  byLabel(name: string, label: string): Promise<Record<string, number>>
  stop(options?: { keepsBackplane?: boolean }): Promise<void>
}

/** Every name is a token: `alice` is Alice, and `bad` is nobody. */
export const tokensAreNames: Pick<Authenticator, 'stream' | 'recheck' | 'endOf'> = {
  stream: async (token) => {
    if (token === 'bad' || token === '') throw unauthorized('The token is not valid.')
    return principal(token)
  },
  recheck: async () => true,
  endOf: ({ expiresAt }) => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
}

export function principal(userId: string, fields: Partial<Principal> = {}): Principal {
  return { userId, role: 'user', tier: 'free', via: 'jwt', expiresAt: new Date(Date.now() + 3_600_000), ...fields }
}

/** There is no database here; the channel `deliveries` has tests of its own. */
const nothingToWatch = {
  begin: async () => ({ code: 'no_such_webhook', message: 'There is no such webhook.' }),
  end: () => false,
  leave: () => undefined,
  stop: async () => undefined,
}

export async function startStreams(
  options: {
    backplane?: Backplane
    authenticator?: Pick<Authenticator, 'stream' | 'recheck' | 'endOf'>
    rules?: Partial<Config['streams']>
    failedLogins?: number
    socketsPerUser?: number | Record<Tier, number>
    probing?: Probing
    redis?: RedisConnection
    trustedProxies?: number
    port?: number
    exclusive?: boolean
  } = {},
): Promise<TestStreams> {
  const backplane = options.backplane ?? createMemoryBackplane()
  const intake = createIntake(backplane, options.rules?.publishBacklog ?? { messages: 50_000, bytes: 64 * 1024 * 1024 })
  const registry = new Registry()
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  let attached: StreamServer | undefined
  const listener = await listen({
    handle: (_, response) => void response.writeHead(404).end(),
    attach: (app) => {
      attached = attachStreams(app, {
        backplane,
        intake,
        authenticator: options.authenticator ?? tokensAreNames,
        logins: createLoginLimit(options.failedLogins ?? 1_000_000),
        rules: {
          ...readConfig({ STREAMS_ANONYMOUS: 'predictions,market-data,alerts' }, 'all').streams,
          ...options.rules,
        },
        socketsPerUser: everyTier(options.socketsPerUser ?? 1_000_000),
        redis: options.redis,
        trustedProxies: options.trustedProxies ?? 0,
        log: openLog({ level: 'silent', name: 'test' }),
        metrics: createStreamMetrics(registry, {
          behind: intake.behind,
          sockets: () => attached?.sockets() ?? 0,
          eventStreams: () => attached?.eventStreams() ?? 0,
          streams: () => attached?.streams() ?? 0,
          slow: () => attached?.slow() ?? { waiting: 0, degraded: 0, ending: 0 },
        }),
        watch: nothingToWatch,
        onError,
        probing: options.probing,
      })
    },
    host: '127.0.0.1',
    port: options.port ?? 0,
    exclusive: options.exclusive ?? true,
    onError,
  })
  if (!attached) throw new Error('Nothing was attached')
  const streams = attached
  return {
    port: listener.port,
    url: `ws://127.0.0.1:${listener.port}`,
    streams,
    backplane,
    errors,
    async metric(name) {
      const found = await registry.getSingleMetric(name.replace(/_(sum|count)$/, ''))?.get()
      const isAsked = (value: object) => !('metricName' in value) || value.metricName === name
      return found?.values.filter(isAsked).reduce((sum, { value }) => sum + value, 0) ?? 0
    },
    async byLabel(name, label) {
      const found = await registry.getSingleMetric(name)?.get()
      return Object.fromEntries(found?.values.map(({ labels, value }) => [String(labels[label]), value]) ?? [])
    },
    async stop({ keepsBackplane = false } = {}) {
      await streams.close()
      listener.close()
      if (!keepsBackplane) await backplane.close()
    },
  }
}

function everyTier(sockets: number | Record<Tier, number>): Record<Tier, number> {
  if (typeof sockets === 'object') return sockets
  return { free: sockets, pro: sockets, enterprise: sockets }
}

/** `n` market-data messages of a symbol, each with its number in `data`. */
export function prices(symbol: string, n: number, from = 1): OutgoingMessage[] {
  return Array.from({ length: n }, (_, index) => message({ symbol, data: JSON.stringify({ n: from + index }) }))
}

export function message(fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { channel: 'market-data', symbol: 'AAPL', data: '{"n":1}', timestamp: '2026-11-23T12:00:00.000Z', ...fields }
}
