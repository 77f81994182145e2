import { createClosers } from './closers.ts'
import { loadEnvFile, readConfig } from './config.ts'
import { armCrashPoint } from './crash-points.ts'
import { refuseUnmigrated } from './db/applied-migrations.ts'
import { checkClock } from './db/check-clock.ts'
import { wakeByNotify } from './deliveries/wake.ts'
import { untilReachable } from './reachable.ts'
import { checkEvictionPolicy } from './redis/check-policy.ts'
import { pingRedis } from './redis/reachable.ts'
import { openResources } from './resources.ts'
import { runProcess } from './run.ts'
import { serve } from './serve.ts'
import { reportFailure } from './start-error.ts'
import { createDeliveryMetrics } from './telemetry/delivery-metrics.ts'
import { openLog, rateLimitedErrors } from './telemetry/log.ts'
import { createRegistry } from './telemetry/metrics.ts'
import { openMetrics } from './telemetry/metrics-server.ts'
import { openTracing } from './telemetry/tracing.ts'
import { refuseUnknownKeys } from './webhooks/reseal-webhooks.ts'

/** The Procfile's `web`: REST and streams on one port, which several of these may share. */
async function main(): Promise<void> {
  loadEnvFile()
  const config = readConfig(process.env, 'web')
  const log = openLog({ level: config.log.level, name: 'web' })
  const closers = createClosers(log)
  armCrashPoint(config.crashAt)
  await runProcess(closers, async () => {
    const tracing = await openTracing({ config, part: 'web', log, closers })
    const resources = openResources({ config, log, closers, role: 'web', tracing })
    const { webDatabase, redis, backplane } = resources
    await untilReachable('PostgreSQL', () => webDatabase.query({ text: 'SELECT 1' }), log)
    await refuseUnmigrated(webDatabase)
    await checkClock(webDatabase, log)
    await refuseUnknownKeys(webDatabase, resources.secrets)
    await untilReachable('Redis', () => backplane.check(), log)
    if (redis) await untilReachable('Redis', () => pingRedis(redis), log)
    if (redis) await checkEvictionPolicy(redis, log)
    const registry = createRegistry('web')
    await openMetrics({ registry, config, closers, log })
    const { port } = await serve(resources, {
      registry,
      metrics: createDeliveryMetrics(registry),
      wake: wakeByNotify({ db: webDatabase, onError: rateLimitedErrors(log, 'wake.error') }),
      exclusive: false,
      closers,
    })
    log.info({ host: config.server.host, port }, 'web.started')
    return { onEnd: (signal) => log.info({ signal }, 'web.stopping') }
  })
}

main().catch(reportFailure)
