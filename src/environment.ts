import { createPublicKey } from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'
import { parseCrashAt } from './crash-points.ts'
import { parseRedisUrl, REDIS_FORMS } from './redis/place.ts'

/*
 * The variables of the environment: their forms and defaults. `.env.example` lists the same, each with a sentence.
 */

export const CHANNELS = ['predictions', 'market-data', 'alerts'] as const

const boolean = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')
const integer = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be between ${least} and ${most}`)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)
const url = (...protocols: string[]) =>
  z.string().refine(
    (text) => {
      const parsed = URL.parse(text)
      return parsed !== null && protocols.includes(parsed.protocol)
    },
    `must be a URL with ${protocols.join(' or ')}`,
  )
const redisUrl = z.string().refine((text) => parseRedisUrl(text) !== null, REDIS_FORMS)
const cidr = z.string().refine((text) => {
  const [, network = '', bits] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? []
  return isIP(network) !== 0 && Number(bits) <= (isIP(network) === 4 ? 32 : 128)
}, 'must be a comma-separated list of CIDR ranges')

/** A PEM may come with its line breaks written as \n. */
const publicKey = z
  .string()
  .transform((text) => text.replaceAll('\\n', '\n'))
  .refine((text) => {
    try {
      return createPublicKey(text).asymmetricKeyType !== undefined
    } catch {
      return false
    }
  }, 'must be a public key in PEM')

const otlpEndpoint = z.string().refine((text) => {
  const { protocol = '', username = '' } = URL.parse(text) ?? {}
  return username === '' && ['http:', 'https:'].includes(protocol)
}, 'must be a URL with http: or https: and without a password; OTEL_EXPORTER_OTLP_HEADERS is for credentials')

/** Keys that anybody on the way could replace would let anybody in. */
const jwksUrl = z.string().refine((text) => {
  const { protocol = '', hostname = '', username = '' } = URL.parse(text) ?? {}
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return username === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback))
}, 'must be a URL with https: (or http: on loopback) and without a password')

/** As browsers send it, so without a path; `null` is what they send for none. */
const origin = z
  .string()
  .regex(
    /^(null|[a-z][a-z0-9+.-]*:\/\/(\*\.)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?)$/i,
    'must be a list of origins like https://app.example or https://*.app.example, without a path',
  )

/** `id:base64(32 bytes)`, comma-separated; the first encrypts, all decrypt. */
const secretsKeys = z.string().transform((text, context) => {
  const keys = text.split(',').map((entry) => {
    const [id = '', encoded = ''] = entry.trim().split(':')
    return { id, key: Buffer.from(encoded, 'base64') as Buffer }
  })
  if (keys.some(({ id, key }) => !/^[a-z0-9-]{1,16}$/.test(id) || key.length !== 32)) {
    context.addIssue({ code: 'custom', message: 'must be <id>:<base64 of 32 bytes>[,<id>:<base64>…]' })
    return z.NEVER
  }
  if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    context.addIssue({ code: 'custom', message: 'names two keys alike' })
    return z.NEVER
  }
  return keys
})

const crashAt = z.string().transform((text, context) => {
  const parsed = parseCrashAt(text)
  if (parsed !== null) return parsed
  context.addIssue({ code: 'custom', message: 'must be a crash point, as point, point:pass or point=text' })
  return z.NEVER
})

export const Environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: z.string().min(1).optional(),
  PORT: integer(0, 65535).default(8000),
  WEB_PORT: integer(0, 65535).optional(),
  DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  DATABASE_POOL: integer(1, 200).default(10),
  REDIS_URL: redisUrl.optional(),
  STREAMS_REDIS_URL: redisUrl.optional(),
  JWT_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= 32, 'must be at least 32 bytes')
    .optional(),
  JWT_PUBLIC_KEY: publicKey.optional(),
  JWKS_URL: jwksUrl.optional(),
  JWT_ISSUER: z.string().min(1).optional(),
  JWT_AUDIENCE: z.string().min(1).optional(),
  SECRETS_KEY: secretsKeys.optional(),
  TRUSTED_PROXIES: integer(0, 10).default(0),
  RATE_LIMIT_FREE: integer(1, 1_000_000).default(60),
  RATE_LIMIT_PRO: integer(1, 1_000_000).default(300),
  RATE_LIMIT_ENTERPRISE: integer(1, 1_000_000).default(3000),
  FAILED_LOGINS_PER_MINUTE: integer(1, 100_000).default(20),
  SOCKETS_FREE: integer(1, 1_000_000).default(20),
  SOCKETS_PRO: integer(1, 1_000_000).default(100),
  SOCKETS_ENTERPRISE: integer(1, 1_000_000).default(1000),
  WEBHOOKS_FREE: integer(1, 100_000).default(5),
  WEBHOOKS_PRO: integer(1, 100_000).default(25),
  WEBHOOKS_ENTERPRISE: integer(1, 100_000).default(100),
  WEBHOOK_ALLOW_CIDRS: list.pipe(z.array(cidr)).default([]),
  DELIVERY_CONCURRENCY: integer(1, 2000).default(100),
  DELIVERY_PER_WEBHOOK: integer(1, 2000).default(20),
  DELIVERY_PER_USER_PER_SECOND: integer(0, 1_000_000).default(0),
  DELIVERY_SLOW_MS: integer(10, 30_000).default(2_000),
  DELIVERY_SLOW_SAMPLE: integer(1, 100).default(20),
  DELIVERY_SLOW_CONCURRENCY: integer(1, 2000).default(200),
  BREAKER_FAILURES: integer(1, 50).default(10),
  BREAKER_WINDOW_SECONDS: integer(1, 3600).default(60),
  BREAKER_PROBE_SECONDS: integer(1, 3600).default(30),
  DELIVERY_TIMEOUT_MS: integer(100, 30_000).default(15_000),
  DELIVERY_MAX_ATTEMPTS: integer(1, 20).default(10),
  DELIVERY_RETRY_BASE_MS: integer(10, 3_600_000).default(5_000),
  DELIVERY_RETRY_CAP_MS: integer(10, 86_400_000).default(86_400_000),
  WEBHOOK_DISABLE_AFTER_SECONDS: integer(1, 31_536_000).default(432_000),
  WEBHOOK_DISABLE_AFTER_FAILURES: integer(1, 1_000_000).default(10),
  // What is made ahead and may still be written to is never old.
  RETENTION_DAYS: integer(2, 3650).default(30),
  AUDIT_RETENTION_DAYS: integer(1, 3650).default(365),
  STREAMS_ANONYMOUS: list.pipe(z.array(z.enum(CHANNELS))).optional(),
  STREAMS_WILDCARD_TIERS: list.pipe(z.array(z.enum(['free', 'pro', 'enterprise']))).default(['pro', 'enterprise']),
  STREAMS_ORIGINS: list.pipe(z.array(origin)).default([]),
  STREAMS_HEARTBEAT_SECONDS: integer(1, 300).default(30),
  STREAMS_SILENCE_SECONDS: integer(2, 900).default(75),
  STREAMS_DEGRADE_SECONDS: integer(1, 300).default(3),
  STREAMS_SLOW_SECONDS: integer(1, 300).default(15),
  STREAMS_DRAIN_SECONDS: integer(0, 300).default(2),
  STREAMS_HISTORY_MESSAGES: integer(1, 100_000).default(1000),
  STREAMS_HISTORY_SECONDS: integer(1, 86_400).default(300),
  STREAMS_HISTORY_BYTES: integer(1024, 2 ** 40).default(64 * 1024 * 1024),
  STREAMS_MAX_SOCKETS: integer(1, 1_000_000).default(50_000),
  STREAMS_MAX_SOCKETS_PER_ADDRESS: integer(1, 1_000_000).default(1000),
  STREAMS_HANDSHAKES_PER_MINUTE: integer(1, 1_000_000).default(1200),
  STREAMS_MAX_SUBSCRIPTIONS: integer(1, 10_000).default(1000),
  STREAMS_PUBLISH_BACKLOG: integer(1, 10_000_000).default(50_000),
  STREAMS_MAX_INBOUND_PER_SECOND: integer(1, 10_000).default(50),
  WATCHDOG_SECONDS: integer(1, 3600).default(60),
  OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint.optional(),
  METRICS_PORT: integer(0, 65535).optional(),
  METRICS_TOKEN: z.string().min(16).optional(),
  BOARD_READ_ONLY: boolean.default(true),
  DEMO_FEED: boolean.optional(),
  DEMO_BARS_PER_SECOND: integer(1, 1000).default(2),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
  SHUTDOWN_SECONDS: integer(1, 120).default(20),
  CRASH_AT: crashAt.optional(),
  ARA_EVENTS_URL: url('http:', 'https:').default('http://localhost:8000'),
  ARA_EVENTS_TOKEN: z.string().min(1).optional(),
})

/** What the command line reads where it speaks to a server, which may run elsewhere and have quite another configuration. */
export const CallerEnvironment = Environment.pick({ ARA_EVENTS_URL: true, ARA_EVENTS_TOKEN: true })

/** Every variable that is read. */
export const ENVIRONMENT_KEYS: readonly string[] = Object.keys(Environment.shape)

export type Environment = z.infer<typeof Environment>
