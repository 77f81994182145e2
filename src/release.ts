import { loadEnvFile, readConfig } from './config.ts'
import { migrate } from './db/migrate.ts'
import { print } from './print.ts'
import { reportFailure } from './start-error.ts'

/** The Procfile's `release`: brings the database up to date, then ends. Run it before new `web` and `worker` processes. */
try {
  loadEnvFile()
  const config = readConfig(process.env, 'release')
  const url = config.secrets.databaseUrl ?? ''
  const applied = await migrate({ url, queueInPostgres: config.secrets.redisUrl === undefined, now: new Date() })
  print(applied.length === 0 ? 'The database is up to date.\n' : `Applied: ${applied.join(', ')}\n`)
} catch (error) {
  reportFailure(error)
}
