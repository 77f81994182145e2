import { startPostgres } from './postgres.ts'
import { findRedisServer } from './redis.ts'
import { findChromium, findPython } from './sample-runtimes.ts'

let stop: (() => Promise<void>) | undefined

export async function mochaGlobalSetup(): Promise<void> {
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
}
