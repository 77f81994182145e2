import { readConfig } from '../config.ts'
import type { Command } from './command.ts'

export const migrateCommand: Command = {
  name: 'migrate',
  about: "Bring the database of DATABASE_URL up to date, as the Procfile's release does.",
  details: 'Run it before new web and worker processes. It may run twice, and in several places at once.',
  handlesSignals: true,
  async run({ out }) {
    const { secrets } = readConfig(process.env, 'release')
    // Only here: it loads what most commands do without.
    const { migrate } = await import('../db/migrate.ts')
    const queueInPostgres = secrets.redisUrl === undefined
    const applied = await migrate({ url: secrets.databaseUrl ?? '', queueInPostgres, now: new Date() })
    out.answer({ applied }, () =>
      applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`,
    )
  },
}
