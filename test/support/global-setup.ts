import { endLeftRunning, markRun } from './left-running.ts'
import { startPostgres } from './postgres.ts'

let stop: (() => Promise<void>) | undefined

export async function mochaGlobalSetup(): Promise<void> {
  markRun()
  const server = await startPostgres()
  stop = () => server.stop()
}

export async function mochaGlobalTeardown(): Promise<void> {
  await stop?.()
  for (const { pid, command } of await endLeftRunning()) console.error(`A test left this running: ${pid} ${command}`)
}
