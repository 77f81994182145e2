import { createClosers } from '../src/closers.ts'
import { loadEnvFile, readConfig } from '../src/config.ts'
import { armCrashPoint } from '../src/crash-points.ts'
import { checkClock } from '../src/db/check-clock.ts'
import { untilReachable } from '../src/reachable.ts'
import { checkEvictionPolicy } from '../src/redis/check-policy.ts'
import { openResources } from '../src/resources.ts'
import { runProcess } from '../src/run.ts'
import { reportFailure } from '../src/start-error.ts'
import { createDeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import { openLog } from '../src/telemetry/log.ts'
import { createRegistry } from '../src/telemetry/metrics.ts'
import { openMetrics } from '../src/telemetry/metrics-server.ts'
import { startWork } from './work.ts'

/** The Procfile's `worker`: makes the attempts, feeds the queue, keeps the house. Any number may run. */
async function main(): Promise<void> {
  loadEnvFile()
  const config = readConfig(process.env, 'worker')
  const log = openLog({ level: config.log.level, name: 'worker' })
  const closers = createClosers(log)
  armCrashPoint(config.crashAt)
  await runProcess(closers, async () => {
    const resources = openResources({ config, log, closers, role: 'worker' })
    const { workerDatabase, redis } = resources
    await untilReachable('PostgreSQL', () => workerDatabase.query({ text: 'SELECT 1' }), log)
    await checkClock(workerDatabase, log)
    if (redis) await untilReachable('Redis', () => redis.ping(), log)
    if (redis) await checkEvictionPolicy(redis, log)
    const registry = createRegistry('worker')
    await openMetrics({ registry, config, closers, log })
    await startWork(resources, createDeliveryMetrics(registry), closers)
    log.info({}, 'worker.started')
    return { onEnd: (signal) => log.info({ signal }, 'worker.stopping') }
  })
}

main().catch(reportFailure)
