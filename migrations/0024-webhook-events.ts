import type { Knex } from 'knex'

/**
 * Which webhooks want which events, kept by a trigger beside `webhooks.events`. Acceptance looks webhooks up by type: a GIN
 * index on the array can only be read by a bitmap scan, which our connections do without, and each would read all webhooks.
 * One that wants everything stands under `*` alone, so that it is found once. It has no foreign key: what the trigger has not
 * seen, a TRUNCATE, leaves rows that lead nowhere.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE webhook_events (
      event_type text NOT NULL,
      webhook_id uuid NOT NULL,
      PRIMARY KEY (event_type, webhook_id)
    );
    CREATE FUNCTION wanted_events(events text[]) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT DISTINCT unnest(CASE WHEN '*' = ANY (events) THEN ARRAY['*'] ELSE events END)
    $$;
    CREATE FUNCTION keep_webhook_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'INSERT' THEN
        DELETE FROM webhook_events WHERE event_type = ANY (OLD.events || '*'::text) AND webhook_id = OLD.id;
      END IF;
      IF TG_OP <> 'DELETE' THEN
        INSERT INTO webhook_events SELECT type, NEW.id FROM wanted_events(NEW.events) AS type;
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER keep_webhook_events AFTER INSERT OR DELETE OR UPDATE OF events ON webhooks
      FOR EACH ROW EXECUTE FUNCTION keep_webhook_events();
    INSERT INTO webhook_events SELECT type, id FROM webhooks CROSS JOIN LATERAL wanted_events(events) AS type;
    DROP INDEX webhooks_by_event;

    -- One that was made before PostgreSQL 18 goes on as it is.
    DO $$
    BEGIN
      IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT uuidv7()';
      END IF;
    END $$;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE INDEX webhooks_by_event ON webhooks USING gin (events) WHERE active;
    DROP TRIGGER keep_webhook_events ON webhooks;
    DROP FUNCTION keep_webhook_events, wanted_events;
    DROP TABLE webhook_events;
  `)
}
