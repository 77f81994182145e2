import type { Knex } from 'knex'

/**
 * A webhook's secret is replaced with an overlap: until `rotation_ends_at` the old one signs beside the new one. And
 * SECRETS_KEY is replaced while rows are sealed with the old key: `sealed_key_id` says with which key a value is sealed.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE webhooks ADD COLUMN previous_secret bytea, ADD COLUMN rotation_ends_at timestamptz,
      ADD CHECK ((previous_secret IS NULL) = (rotation_ends_at IS NULL));
    CREATE INDEX webhooks_by_rotation ON webhooks (rotation_ends_at) WHERE rotation_ends_at IS NOT NULL;

    -- The layout is that of src/db/secret-box.ts: version, length of the key id, key id.
    CREATE FUNCTION sealed_key_id(sealed bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
      SELECT CASE WHEN length(sealed) > 1 THEN encode(substring(sealed FROM 3 FOR get_byte(sealed, 1)), 'escape') END
    $$;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP FUNCTION sealed_key_id;
    ALTER TABLE webhooks DROP COLUMN previous_secret, DROP COLUMN rotation_ends_at;
  `)
}
