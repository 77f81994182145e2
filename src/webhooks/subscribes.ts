/**
 * SQL: whether an event (alias `event`) is owed to a webhook (alias `webhook`) by its types, its owner and its symbols. What
 * acceptance opens deliveries by and what recoveries look for must be the same.
 */
export const SUBSCRIBES = `webhook.events && ARRAY[event.event_type, '*']
  AND (event.user_id IS NULL OR event.user_id = webhook.user_id)
  AND (webhook.symbols IS NULL OR event.symbol = ANY (webhook.symbols))`
