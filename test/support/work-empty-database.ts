import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { postgresUrl } from './postgres.ts'

/** A database with nothing in it. */
export async function createEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `empty_${randomBytes(6).toString('hex')}`
  await asOwner(`CREATE DATABASE ${name}`)
  return { url: postgresUrl(name), drop: () => asOwner(`DROP DATABASE ${name} WITH (FORCE)`) }
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
