import { startPostgres } from './postgres.ts'

let stop: (() => Promise<void>) | undefined

export async function mochaGlobalSetup(): Promise<void> {
  const server = await startPostgres()
  stop = () => server.stop()
}

export async function mochaGlobalTeardown(): Promise<void> {
  await stop?.()
}
