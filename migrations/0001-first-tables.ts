import type { Knex } from 'knex'

/**
 * `events`, `deliveries` and `attempts` are the log: partitioned by day of their UUIDv7, so that a look-up by id reads one
 * partition and a day is dropped in one step. `due` is the open work and `announcements` the streams' open work: small, hot,
 * unpartitioned. A delivery that is being attempted has no status of its own in the log: the lease of its `due` row says so.
 * Canonical text is `text`, never `jsonb`; what receivers send is `bytea`, since one NUL byte must not fail a batch.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- PostgreSQL has a uuidv7() of its own from 18 on; this one serves 15 to 17 as well.
    CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
      SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
    $$;

    CREATE TABLE events (
      id uuid PRIMARY KEY,
      event_type text NOT NULL,
      symbol text,
      user_id text,
      canonical text NOT NULL,
      "timestamp" timestamptz NOT NULL,
      published_by text NOT NULL,
      test boolean NOT NULL DEFAULT false,
      accepted_at timestamptz NOT NULL DEFAULT now()
    ) PARTITION BY RANGE (id);
    CREATE INDEX events_by_type ON events (event_type, id DESC);
    CREATE INDEX events_by_symbol ON events (symbol, id DESC) WHERE symbol IS NOT NULL;

    CREATE TABLE announcements (
      event_id uuid PRIMARY KEY,
      accepted_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

    CREATE TABLE webhooks (
      id uuid PRIMARY KEY,
      user_id text NOT NULL,
      url text NOT NULL,
      events text[] NOT NULL,
      symbols text[],
      secret bytea NOT NULL,
      headers bytea,
      header_names text[] NOT NULL DEFAULT '{}',
      description text,
      active boolean NOT NULL DEFAULT true,
      signature_style text NOT NULL DEFAULT 'canonical',
      max_attempts integer NOT NULL,
      disabled_reason text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX webhooks_by_user ON webhooks (user_id, id DESC);
    CREATE INDEX webhooks_by_event ON webhooks USING gin (events) WHERE active;

    CREATE TABLE webhook_stats (
      webhook_id uuid PRIMARY KEY REFERENCES webhooks (id) ON DELETE CASCADE,
      delivery_count bigint NOT NULL DEFAULT 0,
      success_count bigint NOT NULL DEFAULT 0,
      failure_count bigint NOT NULL DEFAULT 0,
      last_delivery_at timestamptz,
      last_delivery_status text
    ) WITH (fillfactor = 70);

    CREATE TABLE deliveries (
      id uuid PRIMARY KEY,
      webhook_id uuid NOT NULL,
      event_id uuid NOT NULL,
      event_type text NOT NULL,
      user_id text NOT NULL,
      status text NOT NULL DEFAULT 'pending',
      attempt integer NOT NULL DEFAULT 0,
      max_attempts integer NOT NULL,
      response_code integer,
      response_body bytea,
      error text,
      error_message text,
      duration_ms integer,
      created_at timestamptz NOT NULL DEFAULT now(),
      delivered_at timestamptz,
      test boolean NOT NULL DEFAULT false,
      CHECK (status IN ('pending', 'retrying', 'success', 'failed', 'canceled'))
    ) PARTITION BY RANGE (id);
    CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, id DESC);
    CREATE INDEX deliveries_by_status ON deliveries (webhook_id, status, id DESC);
    CREATE INDEX deliveries_by_event ON deliveries (event_id);

    CREATE TABLE attempts (
      delivery_id uuid NOT NULL,
      attempt integer NOT NULL,
      status text NOT NULL DEFAULT 'started',
      worker text NOT NULL,
      started_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz,
      url text,
      request_headers text,
      response_code integer,
      response_headers bytea,
      response_body bytea,
      error text,
      error_message text,
      duration_ms integer,
      PRIMARY KEY (delivery_id, attempt),
      CHECK (status IN ('started', 'success', 'failed', 'unknown', 'aborted', 'superseded'))
    ) PARTITION BY RANGE (delivery_id);

    CREATE TABLE due (
      delivery_id uuid PRIMARY KEY,
      webhook_id uuid NOT NULL,
      event_id uuid NOT NULL,
      due_at timestamptz NOT NULL DEFAULT now(),
      attempt integer NOT NULL DEFAULT 0,
      max_attempts integer NOT NULL,
      unknowns integer NOT NULL DEFAULT 0,
      test boolean NOT NULL DEFAULT false,
      fed_until timestamptz,
      lease_until timestamptz,
      worker text
    ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
    CREATE INDEX due_by_webhook ON due (webhook_id, due_at);
    CREATE INDEX due_by_time ON due (due_at);

    CREATE TABLE idempotency_keys (
      principal text NOT NULL,
      route text NOT NULL,
      key text NOT NULL,
      body_sha256 bytea NOT NULL,
      response_status integer NOT NULL,
      response_body text NOT NULL,
      deliveries integer[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (principal, route, key)
    );
    CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

    CREATE TABLE api_keys (
      id uuid PRIMARY KEY,
      user_id text NOT NULL,
      sha256 bytea NOT NULL UNIQUE,
      hint text NOT NULL,
      name text NOT NULL,
      role text NOT NULL,
      tier text NOT NULL,
      expires_at timestamptz,
      last_used_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX api_keys_by_user ON api_keys (user_id, id DESC);

    CREATE TABLE tickets (
      sha256 bytea PRIMARY KEY,
      principal jsonb NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX tickets_by_expiry ON tickets (expires_at);

    CREATE TABLE users_blocked (
      user_id text PRIMARY KEY,
      blocked_by text NOT NULL,
      blocked_at timestamptz NOT NULL DEFAULT now()
    );
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE users_blocked, tickets, api_keys, idempotency_keys, due, attempts, deliveries, webhook_stats, webhooks,
      announcements, events;
    DROP FUNCTION uuid_v7;
  `)
}
