import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { postgresUrl, TEMPLATE } from './postgres.ts'

export interface TestDatabase {
  url: string
  db: Database
  drop(): Promise<void>
}

/** A migrated database of its own, copied from the template: one for each test file. */
export async function createDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await asOwner(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`)
  const url = postgresUrl(name)
  const db = openDatabase({ url, pool: 10, name: 'test', onError: () => undefined })
  return {
    url,
    db,
    async drop() {
      await db.close()
      await asOwner(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

async function asOwner(statement: string): Promise<void> {
  const client = new Client({ connectionString: postgresUrl('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
