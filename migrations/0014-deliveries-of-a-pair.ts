import type { Knex } from 'knex'

/**
 * Whether a webhook has a delivery of an event is asked for thousands of events a second while a recovery runs. By the event
 * alone, a planner without statistics takes the webhook's whole log of these days for the shorter way.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE INDEX deliveries_by_pair ON deliveries (event_id, webhook_id);
    DROP INDEX deliveries_by_event;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE INDEX deliveries_by_event ON deliveries (event_id);
    DROP INDEX deliveries_by_pair;
  `)
}
