import knex, { type Knex } from 'knex'
import type { Statement } from './database.ts'

/** Writes the statements whose shape depends on the request (lists with filters). It opens no connection. */
export const builder: Knex = knex({ client: 'pg' })

export function toStatement(query: Knex.QueryBuilder): Statement {
  const { sql, bindings } = query.toSQL().toNative()
  return { text: sql, values: bindings }
}
