import type { Knex } from 'knex'

/** What owners and operators change; see src/audit. Few rows, so one table, from which the upkeep deletes. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE audit_log (
      id uuid PRIMARY KEY,
      action text NOT NULL,
      target text NOT NULL,
      owner_id text NOT NULL,
      actor_id text,
      actor_role text,
      via text,
      key_id uuid,
      address text,
      request_id text,
      changes jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CHECK ((actor_id IS NULL) = (actor_role IS NULL))
    );
    CREATE INDEX audit_log_by_owner ON audit_log (owner_id, id DESC);
    CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id DESC);
    CREATE INDEX audit_log_by_target ON audit_log (target, id DESC);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE audit_log')
}
