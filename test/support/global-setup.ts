import { endLeftRunning, markRun } from './left-running.ts'
import { startPostgres } from './postgres.ts'
import { findRedisServer } from './redis.ts'
import { findChromium, findPython } from './sample-runtimes.ts'

let stop: (() => Promise<void>) | undefined

export async function mochaGlobalSetup(): Promise<void> {
  markRun()
  // CI installs what is missing, and that takes longer than a test may. Elsewhere whoever runs one file needs no more than it.
  if (process.env['CI'] === 'true') {
    await findRedisServer()
    findPython()
    findChromium()
  }
  const server = await startPostgres()
  stop = () => server.stop()
}

export async function mochaGlobalTeardown(): Promise<void> {
  await stop?.()
  for (const { pid, command } of await endLeftRunning()) console.error(`A test left this running: ${pid} ${command}`)
}
