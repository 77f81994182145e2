import type { Knex } from 'knex'

/**
 * Where an event stands in the trace of the request that brought it, so that its attempts, made by other processes and hours
 * later, go on with it. Null unless the web process traced.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE events ADD COLUMN traceparent text')
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE events DROP COLUMN traceparent')
}
