import type { Knex } from 'knex'

/**
 * What the feeder needs to be fair. `in_hand` is true of a row that is in the queue or under a lease, so that a webhook's work
 * in flight is counted whatever has come in since it was fed; it follows from the other columns, so nobody can forget it.
 * `webhook_health` has a row only while something is wrong with a webhook, so that deliveries to a well one never touch it.
 * It has no foreign key: it would make every change of it lock the webhook, and what is left of removed ones goes by upkeep.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE due
      ADD COLUMN urgent boolean NOT NULL DEFAULT false,
      ADD COLUMN in_hand boolean NOT NULL GENERATED ALWAYS AS (fed_until IS NOT NULL OR lease_until IS NOT NULL) STORED;
    CREATE INDEX due_in_hand ON due (webhook_id) WHERE in_hand;
    CREATE INDEX due_urgent ON due (webhook_id, due_at) WHERE urgent;
    -- The feeder reads by webhook, and each index is written once more for every row that is fed.
    DROP INDEX due_by_time;

    CREATE TABLE webhook_health (
      webhook_id uuid PRIMARY KEY,
      breaker text NOT NULL DEFAULT 'closed',
      probe_at timestamptz,
      ramp_limit integer,
      ramp_successes integer,
      outcomes jsonb NOT NULL DEFAULT '[]',
      lane text NOT NULL DEFAULT 'quick',
      durations text NOT NULL DEFAULT '',
      updated_at timestamptz NOT NULL DEFAULT now(),
      CHECK (breaker IN ('closed', 'open', 'probing', 'ramping')),
      CHECK ((breaker IN ('open', 'probing')) = (probe_at IS NOT NULL)),
      CHECK ((breaker = 'ramping') = (ramp_limit IS NOT NULL AND ramp_successes IS NOT NULL)),
      CHECK (lane IN ('quick', 'slow'))
    ) WITH (fillfactor = 70);

    CREATE TABLE attempt_allowances (
      user_id text PRIMARY KEY,
      allowance double precision NOT NULL,
      counted_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 70);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE attempt_allowances, webhook_health;
    ALTER TABLE due DROP COLUMN in_hand, DROP COLUMN urgent;
    CREATE INDEX due_by_time ON due (due_at);
  `)
}
