import type { Knex } from 'knex'

/**
 * Webhooks whose deliveries are given up one after the other are told of and turned off. What is counted moves with the
 * other counters, at final outcomes only: `failing_since` is when the first delivery was opened that did not get through
 * after the last that did, `gone` says that a receiver answered 410, `warned_since` for which `failing_since` its owner was told.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE due ADD COLUMN opened_at timestamptz NOT NULL DEFAULT now();

    ALTER TABLE webhook_stats ADD COLUMN failing_since timestamptz, ADD COLUMN exhausted_in_row integer NOT NULL DEFAULT 0,
      ADD COLUMN gone boolean NOT NULL DEFAULT false, ADD COLUMN warned_since timestamptz;
    CREATE INDEX webhook_stats_in_trouble ON webhook_stats (webhook_id) WHERE gone OR failing_since IS NOT NULL;

    ALTER TABLE webhooks ADD COLUMN disabled_at timestamptz;
    UPDATE webhooks SET disabled_at = updated_at WHERE NOT active;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE webhooks DROP COLUMN disabled_at;
    DROP INDEX webhook_stats_in_trouble;
    ALTER TABLE webhook_stats DROP COLUMN failing_since, DROP COLUMN exhausted_in_row, DROP COLUMN gone, DROP COLUMN warned_since;
    ALTER TABLE due DROP COLUMN opened_at;
  `)
}
