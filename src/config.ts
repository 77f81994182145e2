import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { z } from 'zod'

/** The only file that reads the environment. `.env.example` lists the same keys with their defaults. */

const CHANNELS = ['predictions', 'market-data', 'alerts'] as const

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
const cidr = z.string().refine((text) => {
  const [, network = '', bits] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? []
  return isIP(network) !== 0 && Number(bits) <= (isIP(network) === 4 ? 32 : 128)
}, 'must be a comma-separated list of CIDR ranges')

/** `id:base64(32 bytes)`, comma-separated; the first encrypts, all decrypt. */
const secretsKeys = z.string().transform((text, context) => {
  const keys = text.split(',').map((entry) => {
    const [id = '', encoded = ''] = entry.trim().split(':')
    return { id, key: Buffer.from(encoded, 'base64') }
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

const Environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: z.string().min(1).optional(),
  PORT: integer(0, 65535).default(8000),
  DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  DATABASE_POOL: integer(1, 200).default(10),
  REDIS_URL: url('redis:', 'rediss:').optional(),
  STREAMS_REDIS_URL: url('redis:', 'rediss:').optional(),
  JWT_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= 32, 'must be at least 32 bytes')
    .optional(),
  JWT_PUBLIC_KEY: z.string().includes('BEGIN PUBLIC KEY', { message: 'must be a PEM public key' }).optional(),
  JWT_ISSUER: z.string().min(1).optional(),
  JWT_AUDIENCE: z.string().min(1).optional(),
  SECRETS_KEY: secretsKeys.optional(),
  TRUSTED_PROXIES: integer(0, 10).default(0),
  RATE_LIMIT_FREE: integer(1, 1_000_000).default(60),
  RATE_LIMIT_PRO: integer(1, 1_000_000).default(300),
  RATE_LIMIT_ENTERPRISE: integer(1, 1_000_000).default(3000),
  FAILED_LOGINS_PER_MINUTE: integer(1, 100_000).default(20),
  WEBHOOKS_FREE: integer(1, 100_000).default(5),
  WEBHOOKS_PRO: integer(1, 100_000).default(25),
  WEBHOOKS_ENTERPRISE: integer(1, 100_000).default(100),
  WEBHOOK_ALLOW_CIDRS: list.pipe(z.array(cidr)).default([]),
  DELIVERY_CONCURRENCY: integer(1, 2000).default(100),
  DELIVERY_PER_WEBHOOK: integer(1, 2000).default(20),
  DELIVERY_TIMEOUT_MS: integer(100, 30_000).default(15_000),
  DELIVERY_MAX_ATTEMPTS: integer(1, 20).default(10),
  DELIVERY_RETRY_BASE_MS: integer(10, 3_600_000).default(5_000),
  DELIVERY_RETRY_CAP_MS: integer(10, 86_400_000).default(86_400_000),
  RETENTION_DAYS: integer(1, 3650).default(30),
  STREAMS_ANONYMOUS: list.pipe(z.array(z.enum(CHANNELS))).optional(),
  STREAMS_ORIGINS: list.default([]),
  STREAMS_HEARTBEAT_SECONDS: integer(1, 300).default(30),
  STREAMS_SILENCE_SECONDS: integer(2, 900).default(75),
  STREAMS_SLOW_SECONDS: integer(1, 300).default(15),
  STREAMS_HISTORY_MESSAGES: integer(1, 100_000).default(1000),
  STREAMS_HISTORY_SECONDS: integer(1, 86_400).default(300),
  STREAMS_MAX_SOCKETS: integer(1, 1_000_000).default(50_000),
  STREAMS_MAX_SUBSCRIPTIONS: integer(1, 10_000).default(1000),
  STREAMS_MAX_INBOUND_PER_SECOND: integer(1, 10_000).default(50),
  METRICS_PORT: integer(0, 65535).optional(),
  METRICS_TOKEN: z.string().min(16).optional(),
  BOARD_READ_ONLY: boolean.default(true),
  DEMO_FEED: boolean.optional(),
  DEMO_BARS_PER_SECOND: integer(1, 1000).default(2),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
  SHUTDOWN_SECONDS: integer(1, 120).default(20),
})

/** Every variable that is read. */
export const ENVIRONMENT_KEYS: readonly string[] = Object.keys(Environment.shape)

export type Channel = (typeof CHANNELS)[number]
export type Config = ReturnType<typeof arrange>
export interface SecretsKey {
  id: string
  key: Buffer
}

/** Every bad key in one message, so that a start is corrected once. */
export class ConfigError extends Error {
  constructor(complaints: readonly string[]) {
    super(`The configuration is not usable:\n${complaints.map((line) => `  ${line}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

/**
 * Reads the configuration of one process.
 * @param role `all` is the one-process start; `web` and `worker` need Redis, since an in-process backplane would split the streams.
 * @throws ConfigError that names every bad key
 */
export function readConfig(env: NodeJS.ProcessEnv, role: 'all' | 'web' | 'worker' | 'release'): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = Environment.safeParse(given)
  const complaints = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  const has = (key: string) => given[key] !== undefined
  if (has('JWT_SECRET') && has('JWT_PUBLIC_KEY')) complaints.push('JWT_SECRET, JWT_PUBLIC_KEY: set only one of them')
  if (given['NODE_ENV'] === 'production') {
    if (!has('DATABASE_URL')) complaints.push('DATABASE_URL: is required when NODE_ENV is production')
    if (!has('SECRETS_KEY')) complaints.push('SECRETS_KEY: is required when NODE_ENV is production')
    if (!has('JWT_SECRET') && !has('JWT_PUBLIC_KEY')) {
      complaints.push('JWT_SECRET: it or JWT_PUBLIC_KEY is required when NODE_ENV is production')
    }
  }
  if (role !== 'all' && !has('DATABASE_URL')) complaints.push('DATABASE_URL: is required by the Procfile processes')
  if ((role === 'web' || role === 'worker') && !has('REDIS_URL')) {
    complaints.push(`REDIS_URL: ${role} as a process of its own needs it`)
  }
  if (role !== 'all' && role !== 'release' && !has('JWT_SECRET') && !has('JWT_PUBLIC_KEY')) {
    complaints.push('JWT_SECRET: it or JWT_PUBLIC_KEY is required by the Procfile processes')
  }
  if (role !== 'all' && role !== 'release' && !has('SECRETS_KEY')) {
    complaints.push('SECRETS_KEY: is required by the Procfile processes')
  }
  if (!parsed.success || complaints.length > 0) throw new ConfigError([...new Set(complaints)])
  return arrange(parsed.data)
}

function arrange(env: z.infer<typeof Environment>) {
  const embedded = env.DATABASE_URL === undefined
  return deepFreeze({
    production: env.NODE_ENV === 'production',
    embedded,
    version: version(),
    server: {
      host: env.HOST ?? (embedded ? '127.0.0.1' : '0.0.0.0'),
      port: env.PORT,
      trustedProxies: env.TRUSTED_PROXIES,
      bodyLimit: 1024 * 1024,
      batchBodyLimit: 4 * 1024 * 1024,
      shutdownSeconds: env.SHUTDOWN_SECONDS,
    },
    database: { dataDir: env.DATA_DIR, pool: env.DATABASE_POOL, retentionDays: env.RETENTION_DAYS },
    identity: {
      issuer: env.JWT_ISSUER,
      audience: env.JWT_AUDIENCE,
      publicKey: env.JWT_PUBLIC_KEY?.replaceAll('\\n', '\n'),
      clockSkewSeconds: 30,
      failedLoginsPerMinute: env.FAILED_LOGINS_PER_MINUTE,
    },
    limits: {
      requestsPerMinute: { free: env.RATE_LIMIT_FREE, pro: env.RATE_LIMIT_PRO, enterprise: env.RATE_LIMIT_ENTERPRISE },
      webhooks: { free: env.WEBHOOKS_FREE, pro: env.WEBHOOKS_PRO, enterprise: env.WEBHOOKS_ENTERPRISE },
    },
    deliveries: {
      concurrency: env.DELIVERY_CONCURRENCY,
      perWebhook: env.DELIVERY_PER_WEBHOOK,
      timeoutMs: env.DELIVERY_TIMEOUT_MS,
      maxAttempts: env.DELIVERY_MAX_ATTEMPTS,
      retryBaseMs: env.DELIVERY_RETRY_BASE_MS,
      retryCapMs: env.DELIVERY_RETRY_CAP_MS,
      allowCidrs: embedded ? ['127.0.0.0/8', '::1/128', ...env.WEBHOOK_ALLOW_CIDRS] : env.WEBHOOK_ALLOW_CIDRS,
    },
    streams: {
      anonymous: env.STREAMS_ANONYMOUS ?? (embedded ? [...CHANNELS] : []),
      origins: env.STREAMS_ORIGINS,
      heartbeatSeconds: env.STREAMS_HEARTBEAT_SECONDS,
      silenceSeconds: env.STREAMS_SILENCE_SECONDS,
      slowSeconds: env.STREAMS_SLOW_SECONDS,
      historyMessages: env.STREAMS_HISTORY_MESSAGES,
      historySeconds: env.STREAMS_HISTORY_SECONDS,
      maxSockets: env.STREAMS_MAX_SOCKETS,
      maxSubscriptions: env.STREAMS_MAX_SUBSCRIPTIONS,
      maxInboundPerSecond: env.STREAMS_MAX_INBOUND_PER_SECOND,
    },
    metrics: { port: env.METRICS_PORT },
    board: { readOnly: env.BOARD_READ_ONLY },
    demo: { enabled: env.DEMO_FEED ?? embedded, barsPerSecond: env.DEMO_BARS_PER_SECOND },
    log: { level: env.LOG_LEVEL ?? (embedded ? 'warn' : 'info') },
    secrets: hidden({
      databaseUrl: env.DATABASE_URL,
      redisUrl: env.REDIS_URL,
      streamsRedisUrl: env.STREAMS_REDIS_URL ?? env.REDIS_URL,
      jwtSecret: env.JWT_SECRET,
      secretsKeys: env.SECRETS_KEY,
      metricsToken: env.METRICS_TOKEN,
    }),
  })
}

/** The same configuration with secrets that were made or found at the start (embedded mode). */
export function withSecrets(config: Config, found: Partial<Config['secrets']>): Config {
  return deepFreeze({ ...config, secrets: hidden({ ...config.secrets, ...found }) })
}

/** Present for code, absent for `JSON.stringify`, `console.log` and the logger. */
function hidden<T extends object>(secrets: T): T {
  Object.defineProperty(secrets, 'toJSON', { value: () => '[secret]', enumerable: false })
  Object.defineProperty(secrets, Symbol.for('nodejs.util.inspect.custom'), {
    value: () => '[secret]',
    enumerable: false,
  })
  return secrets
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(inner)) deepFreeze(inner)
  }
  return Object.freeze(value)
}

/** package.json sits one level above `src/` and two above `dist/src/`. */
function version(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')).version
    } catch {}
  }
  return '0.0.0'
}
