import { createClosers } from '../src/closers.ts'
import { loadEnvFile, readConfig } from '../src/config.ts'
import { armCrashPoint } from '../src/crash-points.ts'
import { refuseUnmigrated } from '../src/db/applied-migrations.ts'
import { checkClock } from '../src/db/check-clock.ts'
import type { Lane } from '../src/deliveries/lane.ts'
import { untilReachable } from '../src/reachable.ts'
import { checkEvictionPolicy } from '../src/redis/check-policy.ts'
import { pingRedis } from '../src/redis/reachable.ts'
import { openResources } from '../src/resources.ts'
import { runProcess } from '../src/run.ts'
import { reportFailure } from '../src/start-error.ts'
import { createDeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import { openLog } from '../src/telemetry/log.ts'
import { createRegistry } from '../src/telemetry/metrics.ts'
import { openMetrics } from '../src/telemetry/metrics-server.ts'
import { openTracing } from '../src/telemetry/tracing.ts'
import { refuseUnknownKeys } from '../src/webhooks/reseal-webhooks.ts'
import { startWork } from './work.ts'

/** What has stopped may not let itself be closed either: so long after a stop should have ended. */
const FORCED_END_MS = 6_000

/** The Procfile's `worker`: makes the attempts, feeds the queue, keeps the house. Any number may run. */
async function main(): Promise<void> {
  loadEnvFile()
  const config = readConfig(process.env, 'worker')
  const log = openLog({ level: config.log.level, name: 'worker' })
  const closers = createClosers(log)
  armCrashPoint(config.crashAt)
  await runProcess(closers, async () => {
    const tracing = await openTracing({ config, part: 'worker', log, closers })
    const resources = openResources({ config, log, closers, role: 'worker', tracing })
    const { workerDatabase, redis } = resources
    await untilReachable('PostgreSQL', () => workerDatabase.query({ text: 'SELECT 1' }), log)
    await refuseUnmigrated(workerDatabase)
    await checkClock(workerDatabase, log)
    await refuseUnknownKeys(workerDatabase, resources.secrets)
    if (redis) await untilReachable('Redis', () => pingRedis(redis), log)
    if (redis) await checkEvictionPolicy(redis, log)
    const registry = createRegistry('worker')
    await openMetrics({ registry, config, closers, log })
    let onStuck: (lane: Lane) => void = () => undefined
    const failed = new Promise<Error>((resolve) => {
      onStuck = (lane) => {
        log.fatal({ lane }, 'watchdog.stuck')
        setTimeout(() => process.exit(1), config.server.shutdownSeconds * 1000 + FORCED_END_MS).unref()
        resolve(new Error(`The queue of the ${lane} lane has stopped to hand out jobs`))
      }
    })
    await startWork(resources, createDeliveryMetrics(registry), closers, (lane) => onStuck(lane))
    log.info({}, 'worker.started')
    return { failed, onEnd: (signal) => log.info({ signal }, 'worker.stopping') }
  })
}

main().catch(reportFailure)
