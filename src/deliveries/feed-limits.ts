/*
 * What may be fed, as parts of statements: the feeder takes it, and the watchdog asks whether there is any. $1 is the in-flight
 * cap of a webhook.
 */

/** Every webhook with open work, by hopping from one to the next in the index: their backlogs are never read. */
export const WEBHOOKS_WITH_WORK = `webhook AS (
      (SELECT webhook_id FROM due WHERE (SELECT mine FROM gate) ORDER BY webhook_id LIMIT 1)
      UNION ALL
      SELECT (SELECT due.webhook_id FROM due WHERE due.webhook_id > webhook.webhook_id ORDER BY due.webhook_id LIMIT 1)
      FROM webhook WHERE webhook.webhook_id IS NOT NULL
    )`

/**
 * `ripe`: the due rows in nobody's hands that cap and breaker let pass. Of what a person asked for (a test, a manual retry) up to
 * the cap passes besides, whatever the breaker says: they want to see what happens now.
 */
export const FEEDABLE = `allowed AS MATERIALIZED (
      SELECT webhook.webhook_id, coalesce(health.lane, 'quick') AS lane,
        coalesce(health.breaker IN ('open', 'probing'), false) AS probe,
        CASE WHEN health.breaker IN ('open', 'probing') THEN (health.probe_at <= now())::int
          ELSE least($1::int, coalesce(health.ramp_limit, $1::int)) END AS most
      FROM webhook LEFT JOIN webhook_health health USING (webhook_id) WHERE webhook.webhook_id IS NOT NULL
    ), ripe AS MATERIALIZED (
      SELECT head.delivery_id, allowed.webhook_id, head.due_at, false AS urgent, allowed.lane, allowed.probe
      FROM allowed CROSS JOIN LATERAL (
        SELECT count(*)::int AS in_flight FROM (
          SELECT 1 FROM due WHERE due.webhook_id = allowed.webhook_id AND in_hand LIMIT $1::int
        ) AS in_hand
      ) AS held CROSS JOIN LATERAL (
        SELECT delivery_id, due_at FROM due
        WHERE due.webhook_id = allowed.webhook_id AND due_at <= now() AND NOT in_hand AND NOT urgent
        ORDER BY due_at LIMIT greatest(0, allowed.most - held.in_flight)
      ) AS head
      WHERE allowed.most > 0
      UNION ALL
      SELECT asked.delivery_id, asked.webhook_id, asked.due_at, true, coalesce(health.lane, 'quick'), false FROM (
        SELECT delivery_id, webhook_id, due_at, in_hand,
          row_number() OVER (PARTITION BY webhook_id ORDER BY in_hand DESC, due_at) AS place
        FROM due WHERE urgent AND due_at <= now() AND (SELECT mine FROM gate)
      ) AS asked LEFT JOIN webhook_health health USING (webhook_id)
      WHERE place <= $1::int AND NOT asked.in_hand
    )`
