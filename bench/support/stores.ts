import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { startRedis, type TestRedis } from '../../test/support/redis.ts'

export interface Stores {
  databaseUrl: string
  db: Database
  redis: TestRedis
  close(): Promise<void>
}

/** A PostgreSQL with the settings of the embedded mode (it does wait for the disk) and an empty Redis. */
export async function openStores(): Promise<Stores> {
  const directory = await mkdtemp(join(tmpdir(), 'ara-bench-'))
  const log = openLog({ level: 'warn', name: 'bench' })
  const onExit = () => process.exit(1)
  const postgres = await startEmbeddedPostgres({ directory, password: 'bench', log, onExit })
  const redis = await startRedis()
  await migrate({ url: postgres.url, queueInPostgres: false, now: new Date() })
  const db = openDatabase({ url: postgres.url, pool: 10, name: 'bench', onError: () => undefined })
  return {
    databaseUrl: postgres.url,
    db,
    redis,
    async close() {
      await db.close()
      await redis.stop()
      await postgres.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
