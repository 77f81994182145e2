import { startRestartingWork } from '../workers/restarting-work.ts'
import { type Closers, createClosers } from './closers.ts'
import { type Config, lacksSecrets, loadEnvFile, readConfig, withSecrets } from './config.ts'
import { armCrashPoint } from './crash-points.ts'
import { checkClock } from './db/check-clock.ts'
import { migrate } from './db/migrate.ts'
import { startDemoFeed } from './demo/feed.ts'
import { dataDirectory } from './embedded/data-dir.ts'
import { lockDirectory } from './embedded/lock.ts'
import { startEmbeddedPostgres } from './embedded/postgres.ts'
import { ensureEmbeddedSecrets } from './embedded/secrets.ts'
import { makeToken } from './identity/make-token.ts'
import { createSignInLinks } from './identity/sign-in-links.ts'
import { print } from './print.ts'
import { untilReachable } from './reachable.ts'
import { pingRedis } from './redis/reachable.ts'
import { openResources } from './resources.ts'
import { runProcess } from './run.ts'
import { serve } from './serve.ts'
import { reportFailure } from './start-error.ts'
import { createDeliveryMetrics } from './telemetry/delivery-metrics.ts'
import { type Logger, openLog } from './telemetry/log.ts'
import { createRegistry } from './telemetry/metrics.ts'
import { openMetrics } from './telemetry/metrics-server.ts'
import { openTracing } from './telemetry/tracing.ts'
import { refuseUnknownKeys } from './webhooks/reseal-webhooks.ts'
import { welcome } from './welcome.ts'

const DEMO_TOKEN_SECONDS = 3600

/** `npm start`: release, web and worker in one process, on a PostgreSQL of its own unless one is given. */
async function main(): Promise<void> {
  loadEnvFile()
  const given = readConfig(process.env, 'all')
  const log = openLog({ level: given.log.level, name: 'ara-events' })
  const closers = createClosers(log)
  armCrashPoint(given.crashAt)
  await runProcess(closers, () => startAll(given, log, closers))
  print('Stopped.\n')
}

async function startAll(given: Config, log: Logger, closers: Closers) {
  const failed = new AbortController()
  const config = await completeConfig(given, log, closers, failed)
  const { databaseUrl = '', jwtSecret } = config.secrets
  await migrate({ url: databaseUrl, queueInPostgres: config.secrets.redisUrl === undefined, now: new Date() })

  const tracing = await openTracing({ config, part: 'all', log, closers })
  const resources = openResources({ config, log, closers, role: 'all', tracing })
  const { redis, backplane } = resources
  await checkClock(resources.webDatabase, log)
  await refuseUnknownKeys(resources.webDatabase, resources.secrets)
  await untilReachable('Redis', () => backplane.check(), log)
  if (redis) await untilReachable('Redis', () => pingRedis(redis), log)
  const registry = createRegistry('all')
  const metrics = createDeliveryMetrics(registry)
  await openMetrics({ registry, config, closers, log })
  const work = await startRestartingWork(resources, metrics, closers)
  const tokenFor = (sub: string, role: 'admin' | 'user' | 'producer', seconds: number) =>
    jwtSecret === undefined
      ? null
      : makeToken({ ...config.identity, secret: jwtSecret }, { sub, role, tier: 'free' }, seconds)
  const links =
    jwtSecret === undefined
      ? undefined
      : createSignInLinks({ makeToken: (seconds) => tokenFor('admin', 'admin', seconds) ?? '' })
  const { port } = await serve(resources, { registry, metrics, wake: work, exclusive: true, closers, links })

  const demo = await startDemo(config, port, () => tokenFor('demo-feed', 'producer', DEMO_TOKEN_SECONDS), log)
  if (demo) closers.add('demo feed', () => demo.stop())
  print(welcome({ config, port, tokenFor, signInCode: links?.offer() ?? null, demo: demo?.running ?? false }))
  return {
    failed: aborted(failed.signal),
    onEnd: () => print('\nStopping: what is under way is finished first.\n'),
  }
}

/** What the environment leaves open: secrets of this installation's own, and the embedded PostgreSQL. */
async function completeConfig(given: Config, log: Logger, closers: Closers, failed: AbortController): Promise<Config> {
  const { jwtSecret, secretsKeys, databaseUrl } = given.secrets
  const { publicKey, jwksUrl } = given.identity
  const hasTokenKey = [jwtSecret, publicKey, jwksUrl].some((key) => key !== undefined)
  if (databaseUrl !== undefined && !lacksSecrets(given)) return given
  const directory = dataDirectory(given.database.dataDir)
  const lock = await lockDirectory(directory)
  closers.add('lock of the data directory', () => lock.release())
  const own = await ensureEmbeddedSecrets(directory)
  const complete = {
    secretsKeys: secretsKeys ?? own.secretsKeys,
    ...(hasTokenKey ? {} : { jwtSecret: own.jwtSecret }),
  }
  if (databaseUrl !== undefined) return withSecrets(given, complete)
  const postgres = await startEmbeddedPostgres({
    directory,
    password: own.databasePassword,
    log,
    onExit: (code) =>
      failed.abort(new Error(`PostgreSQL ended by itself (${code ?? 'by a signal'}); see postgres.log`)),
  })
  closers.add('PostgreSQL', () => postgres.stop())
  return withSecrets(given, { ...complete, databaseUrl: postgres.url })
}

/** The feed publishes through the public API, with a token, like any producer. */
async function startDemo(config: Config, port: number, token: () => string | null, log: Logger) {
  if (!config.demo.enabled || token() === null) return null
  const host = config.server.host === '0.0.0.0' || config.server.host === '::' ? '127.0.0.1' : config.server.host
  const baseUrl = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return startDemoFeed({ baseUrl, token: () => token() ?? '', barsPerSecond: config.demo.barsPerSecond, log })
}

function aborted(signal: AbortSignal): Promise<Error> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }))
}

main().catch(reportFailure)
