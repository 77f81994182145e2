import { randomBytes } from 'node:crypto'
import { createClosers } from '../../src/closers.ts'
import { readConfig } from '../../src/config.ts'
import type { Database } from '../../src/db/database.ts'
import { makeToken } from '../../src/identity/make-token.ts'
import type { Role, Tier } from '../../src/identity/principal.ts'
import { pingRedis } from '../../src/redis/reachable.ts'
import { openResources } from '../../src/resources.ts'
import { serve } from '../../src/serve.ts'
import { createDeliveryMetrics } from '../../src/telemetry/delivery-metrics.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/metrics.ts'
import { openMetrics } from '../../src/telemetry/metrics-server.ts'
import { startRestartingWork } from '../../workers/restarting-work.ts'
import { createDatabase } from './database.ts'
import { eventually } from './eventually.ts'

export interface Answer {
  status: number
  headers: Headers
  /** The parsed JSON; `undefined` when the answer is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what came back is what the tests are about
  body: any
  text: string
}

export interface Call {
  token?: string
  apiKey?: string
  /** A string or bytes are sent as they are, anything else as JSON. */
  body?: unknown
  headers?: Record<string, string>
}

/** The API as one process serves it, on a database and a port of its own. */
export interface WebSystem {
  /** `http://127.0.0.1:<port>` */
  base: string
  port: number
  /** The port of METRICS_PORT, when that was set. */
  metricsPort: number | null
  /** A connection of the test's own. */
  db: Database
  token(sub: string, role?: Role, tier?: Tier): string
  call(method: string, path: string, options?: Call): Promise<Answer>
  stop(): Promise<void>
}

export const JWT_SECRET = 'a-secret-of-the-tests-with-32-bytes'
const TOKEN_SECONDS = 3600
/** Settings that a test of something else must not run into. */
const ROOMY = {
  RATE_LIMIT_FREE: '1000000',
  SOCKETS_FREE: '1000',
  FAILED_LOGINS_PER_MINUTE: '100000',
  WEBHOOKS_FREE: '1000',
}

/**
 * Runs the web part in this process, and the worker part too when asked. What a setting says wins over the defaults of the
 * tests; an empty one takes the default of the system back. With `databasePort` it reaches PostgreSQL by that port of loopback.
 */
export async function startWebSystem(
  settings: Record<string, string> = {},
  { work = false, databasePort }: { work?: boolean; databasePort?: number } = {},
): Promise<WebSystem> {
  const database = await createDatabase()
  const url = new URL(database.url)
  if (databasePort !== undefined) url.port = String(databasePort)
  const config = readConfig(
    {
      ...{ DATABASE_URL: url.href, JWT_SECRET, SECRETS_KEY: `k1:${randomBytes(32).toString('base64')}` },
      ...{ HOST: '127.0.0.1', PORT: '0', WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8', LOG_LEVEL: 'silent' },
      ...ROOMY,
      ...settings,
    },
    'all',
  )
  const log = openLog({ level: config.log.level, name: 'test' })
  const closers = createClosers(log)
  const stop = async () => {
    await closers.closeAll()
    await database.drop()
  }
  try {
    const resources = openResources({ config, log, closers, role: 'all' })
    const { backplane, redis } = resources
    if (redis) await eventually(() => Promise.all([backplane.check(), pingRedis(redis)]))
    const registry = createRegistry('test')
    const metrics = createDeliveryMetrics(registry)
    const metricsPort = await openMetrics({ registry, config, closers, log })
    const wake = work ? await startRestartingWork(resources, metrics, closers) : { wake: () => undefined }
    const { port } = await serve(resources, { registry, metrics, wake, exclusive: true, closers })
    const base = `http://127.0.0.1:${port}`
    return {
      base,
      port,
      metricsPort,
      db: database.db,
      token: (sub, role = 'user', tier = 'free') =>
        makeToken({ ...config.identity, secret: JWT_SECRET }, { sub, role, tier }, TOKEN_SECONDS),
      call: (method, path, options) => call(base + path, method, options),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** As `call` of a system does, at any address. */
export async function call(url: string, method: string, { token, apiKey, body, headers }: Call = {}): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = text !== '' && /^application\/json\b/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}
