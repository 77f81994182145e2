import { setTimeout } from 'node:timers/promises'
import { type Closers, createClosers } from '../src/closers.ts'
import type { Resources } from '../src/resources.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import { startWork, type Work } from './work.ts'

const AGAIN_MS = 1_000

/**
 * The worker part of a process that nobody would start again: when its queue has stopped, it is closed and started anew, and
 * the rest of the process goes on.
 */
export async function startRestartingWork(
  resources: Resources,
  metrics: DeliveryMetrics,
  closers: Closers,
): Promise<Work> {
  const { log } = resources
  const parts = createClosers(log)
  let restarting = Promise.resolve()
  let stopped = false

  const start = () =>
    startWork(resources, metrics, parts, (lane) => {
      log.error({ lane }, 'watchdog.restarting')
      restarting = restart()
    })

  async function restart(): Promise<void> {
    await parts.closeAll()
    while (!stopped) {
      try {
        work = await start()
        return
      } catch (error) {
        log.error({ err: error }, 'worker.start_failed')
        await parts.closeAll()
        await setTimeout(AGAIN_MS)
      }
    }
  }

  closers.add('work', async () => {
    stopped = true
    await restarting
    await parts.closeAll()
  })
  let work = await start()
  return { wake: () => work.wake() }
}
