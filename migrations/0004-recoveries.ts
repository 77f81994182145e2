import type { Knex } from 'knex'

/**
 * A recovery goes through a span of ids once. `position` is the last id it has handled; it moves in the transaction that did
 * the work, so a worker that ends in between leaves nothing half done. Of one webhook at most one is running.
 * `earlier_attempts` is what a delivery had had before it was opened again: the pauses begin anew, the numbers go on.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE recoveries (
      id uuid PRIMARY KEY,
      webhook_id uuid NOT NULL,
      user_id text NOT NULL,
      recovers text NOT NULL,
      since timestamptz NOT NULL,
      until timestamptz NOT NULL,
      status text NOT NULL DEFAULT 'running',
      position uuid NOT NULL,
      end_position uuid NOT NULL,
      recovered bigint NOT NULL DEFAULT 0,
      skipped bigint NOT NULL DEFAULT 0,
      failed_rounds integer NOT NULL DEFAULT 0,
      next_round_at timestamptz NOT NULL DEFAULT now(),
      reason text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz,
      CHECK (recovers IN ('failed', 'missing')),
      CHECK (status IN ('running', 'completed', 'canceled', 'failed'))
    ) WITH (fillfactor = 70);
    CREATE UNIQUE INDEX recoveries_running ON recoveries (webhook_id) WHERE status = 'running';
    CREATE INDEX recoveries_by_round ON recoveries (next_round_at) WHERE status = 'running';
    CREATE INDEX recoveries_by_webhook ON recoveries (webhook_id, id DESC);
    CREATE INDEX recoveries_by_end ON recoveries (finished_at) WHERE finished_at IS NOT NULL;
    ALTER TABLE due ADD COLUMN earlier_attempts integer NOT NULL DEFAULT 0;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE due DROP COLUMN earlier_attempts; DROP TABLE recoveries')
}
