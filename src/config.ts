import { readFileSync } from 'node:fs'
import { PLAIN } from './complaints.ts'
import { CallerEnvironment, CHANNELS, Environment } from './environment.ts'
import { StartError } from './start-error.ts'

/** The only file that reads the environment. */

/** What a file `.env` in the working directory adds to the environment; what is set already stays. */
export function loadEnvFile(): void {
  try {
    process.loadEnvFile('.env')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

export type Channel = (typeof CHANNELS)[number]
export type Config = ReturnType<typeof arrange>
type Role = 'all' | 'web' | 'worker' | 'release'
export interface SecretsKey {
  id: string
  key: Buffer
}

const TOKEN_KEYS = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL']

/** Every bad key in one message, so that a start is corrected once. */
export class ConfigError extends StartError {
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
export function readConfig(env: NodeJS.ProcessEnv, role: Role): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = Environment.safeParse(given, PLAIN)
  const complaints = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  const has = (key: string) => given[key] !== undefined
  const tokenKeys = TOKEN_KEYS.filter(has)
  if (tokenKeys.length > 1) complaints.push(`${tokenKeys.join(', ')}: set only one of them`)
  if (given['NODE_ENV'] === 'production' && has('CRASH_AT')) {
    complaints.push('CRASH_AT: is for tests, never when NODE_ENV is production')
  }
  complaints.push(...missingKeys(given, role))
  if (parsed.success && parsed.data.WATCHDOG_SECONDS * 1000 <= parsed.data.DELIVERY_TIMEOUT_MS) {
    // A worker whose places all wait for slow receivers takes no job meanwhile.
    complaints.push('WATCHDOG_SECONDS: must be longer than DELIVERY_TIMEOUT_MS')
  }
  if (!parsed.success || complaints.length > 0) throw new ConfigError([...new Set(complaints)])
  return arrange(parsed.data)
}

function missingKeys(given: NodeJS.ProcessEnv, role: Role): string[] {
  const isProduction = given['NODE_ENV'] === 'production'
  const runsApart = role === 'web' || role === 'worker'
  const required = `is required ${isProduction ? 'when NODE_ENV is production' : 'by the Procfile processes'}`
  const lacks = (...keys: string[]) => keys.every((key) => given[key] === undefined)
  return [
    ...((isProduction || role !== 'all') && lacks('DATABASE_URL') ? [`DATABASE_URL: ${required}`] : []),
    ...(runsApart && lacks('REDIS_URL') ? [`REDIS_URL: ${role} as a process of its own needs it`] : []),
    ...((isProduction || runsApart) && lacks(...TOKEN_KEYS)
      ? [`JWT_SECRET: one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL ${required}`]
      : []),
    ...((isProduction || runsApart) && lacks('SECRETS_KEY') ? [`SECRETS_KEY: ${required}`] : []),
  ]
}

/**
 * Which server the command line speaks to, and as whom.
 * @throws ConfigError
 */
export function readCallerConfig(env: NodeJS.ProcessEnv): { url: string; token: string | undefined } {
  const { ARA_EVENTS_URL, ARA_EVENTS_TOKEN } = env
  const given = { ARA_EVENTS_URL: ARA_EVENTS_URL || undefined, ARA_EVENTS_TOKEN: ARA_EVENTS_TOKEN || undefined }
  const parsed = CallerEnvironment.safeParse(given, PLAIN)
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  }
  return { url: parsed.data.ARA_EVENTS_URL, token: parsed.data.ARA_EVENTS_TOKEN }
}

function arrange(env: Environment) {
  const embedded = env.DATABASE_URL === undefined
  return deepFreeze({
    production: env.NODE_ENV === 'production',
    embedded,
    version: version(),
    server: {
      host: env.HOST ?? (embedded ? '127.0.0.1' : '0.0.0.0'),
      port: env.WEB_PORT ?? env.PORT,
      trustedProxies: env.TRUSTED_PROXIES,
      bodyLimit: 1024 * 1024,
      batchBodyLimit: 4 * 1024 * 1024,
      shutdownSeconds: env.SHUTDOWN_SECONDS,
    },
    database: {
      dataDir: env.DATA_DIR,
      pool: env.DATABASE_POOL,
      retentionDays: env.RETENTION_DAYS,
      auditRetentionDays: env.AUDIT_RETENTION_DAYS,
    },
    identity: {
      issuer: env.JWT_ISSUER,
      audience: env.JWT_AUDIENCE,
      publicKey: env.JWT_PUBLIC_KEY,
      jwksUrl: env.JWKS_URL,
      clockSkewSeconds: 30,
      failedLoginsPerMinute: env.FAILED_LOGINS_PER_MINUTE,
    },
    limits: {
      requestsPerMinute: { free: env.RATE_LIMIT_FREE, pro: env.RATE_LIMIT_PRO, enterprise: env.RATE_LIMIT_ENTERPRISE },
      sockets: { free: env.SOCKETS_FREE, pro: env.SOCKETS_PRO, enterprise: env.SOCKETS_ENTERPRISE },
      webhooks: { free: env.WEBHOOKS_FREE, pro: env.WEBHOOKS_PRO, enterprise: env.WEBHOOKS_ENTERPRISE },
    },
    deliveries: {
      concurrency: env.DELIVERY_CONCURRENCY,
      perWebhook: env.DELIVERY_PER_WEBHOOK,
      perUserPerSecond: env.DELIVERY_PER_USER_PER_SECOND,
      slow: {
        ms: env.DELIVERY_SLOW_MS,
        sample: env.DELIVERY_SLOW_SAMPLE,
        concurrency: env.DELIVERY_SLOW_CONCURRENCY,
      },
      breaker: {
        failures: env.BREAKER_FAILURES,
        windowMs: env.BREAKER_WINDOW_SECONDS * 1000,
        probeEveryMs: env.BREAKER_PROBE_SECONDS * 1000,
      },
      timeoutMs: env.DELIVERY_TIMEOUT_MS,
      maxAttempts: env.DELIVERY_MAX_ATTEMPTS,
      retryBaseMs: env.DELIVERY_RETRY_BASE_MS,
      retryCapMs: env.DELIVERY_RETRY_CAP_MS,
      allowCidrs: embedded ? ['127.0.0.0/8', '::1/128', ...env.WEBHOOK_ALLOW_CIDRS] : env.WEBHOOK_ALLOW_CIDRS,
    },
    failing: {
      disableAfterSeconds: env.WEBHOOK_DISABLE_AFTER_SECONDS,
      disableAfterFailures: env.WEBHOOK_DISABLE_AFTER_FAILURES,
    },
    streams: {
      anonymous: env.STREAMS_ANONYMOUS ?? (embedded ? [...CHANNELS] : []),
      wildcardTiers: env.STREAMS_WILDCARD_TIERS,
      origins: env.STREAMS_ORIGINS,
      heartbeatSeconds: env.STREAMS_HEARTBEAT_SECONDS,
      silenceSeconds: env.STREAMS_SILENCE_SECONDS,
      degradeSeconds: env.STREAMS_DEGRADE_SECONDS,
      slowSeconds: env.STREAMS_SLOW_SECONDS,
      drainSeconds: env.STREAMS_DRAIN_SECONDS,
      history: {
        messages: env.STREAMS_HISTORY_MESSAGES,
        seconds: env.STREAMS_HISTORY_SECONDS,
        bytes: env.STREAMS_HISTORY_BYTES,
      },
      maxSockets: env.STREAMS_MAX_SOCKETS,
      maxSocketsPerAddress: env.STREAMS_MAX_SOCKETS_PER_ADDRESS,
      handshakesPerMinute: env.STREAMS_HANDSHAKES_PER_MINUTE,
      maxSubscriptions: env.STREAMS_MAX_SUBSCRIPTIONS,
      publishBacklog: { messages: env.STREAMS_PUBLISH_BACKLOG, bytes: 64 * 1024 * 1024 },
      maxInboundPerSecond: env.STREAMS_MAX_INBOUND_PER_SECOND,
    },
    watchdogMs: env.WATCHDOG_SECONDS * 1000,
    metrics: { port: env.METRICS_PORT },
    tracing: { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT },
    board: { readOnly: env.BOARD_READ_ONLY },
    demo: { enabled: env.DEMO_FEED ?? embedded, barsPerSecond: env.DEMO_BARS_PER_SECOND },
    crashAt: env.CRASH_AT,
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

/** What the environment left open, so that the one-process start keeps it in its data directory. */
export function lacksSecrets({ secrets, identity }: Config): boolean {
  const tokenKeys = [secrets.jwtSecret, identity.publicKey, identity.jwksUrl]
  return secrets.secretsKeys === undefined || tokenKeys.every((key) => key === undefined)
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
export function version(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')).version
    } catch {}
  }
  return '0.0.0'
}
