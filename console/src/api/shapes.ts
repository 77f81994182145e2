/* What the API answers, as far as the console shows it. */

export interface Me {
  user_id: string
  role: 'readonly' | 'user' | 'producer' | 'admin'
  tier: string
  email: string | null
  via: string
  expires_at: string | null
}

export interface Webhook {
  id: string
  user_id: string
  url: string
  events: string[]
  symbols: string[] | null
  description: string | null
  active: boolean
  disabled_reason: string | null
  failing_since: string | null
  headers: Record<string, string>
  signature_style: string
  max_attempts: number
  secret_rotation: { ends_at: string } | null
  created_at: string
  updated_at: string
  delivery_count: number
  success_count: number
  failure_count: number
  last_delivery_at: string | null
  last_delivery_status: string | null
  /** In the answer that made it. */
  secret?: string
  /** In the answer that turned it on again. */
  recovery?: { since: string }
}

export type DeliveryStatus = 'pending' | 'delivering' | 'retrying' | 'success' | 'failed' | 'canceled'

export interface Delivery {
  id: string
  webhook_id: string
  event_id: string
  event_type: string
  status: DeliveryStatus
  attempt: number
  max_attempts: number
  response_code: number | null
  response_body: string | null
  error: string | null
  error_message: string | null
  duration_ms: number | null
  created_at: string
  delivered_at: string | null
  next_retry_at: string | null
  held_back_until?: string | null
  test: boolean
}

export type Headers = Record<string, string | string[]>

export interface Attempt {
  attempt: number
  status: string
  started_at: string
  finished_at: string | null
  duration_ms: number | null
  request: { method: string; url: string | null; headers: Headers | null; body: string }
  response: { status: number; headers: Headers | null; body: string | null } | null
  error: string | null
  error_message: string | null
}

export interface DeliveryInFull extends Delivery {
  attempts: Attempt[]
}

export interface Recovery {
  id: string
  webhook_id: string
  recovers: 'failed' | 'missing'
  since: string
  until: string
  status: string
  progress: number
  recovered: number
  skipped: number
  reason: string | null
  created_at: string
  finished_at: string | null
}

export interface StoredEvent {
  event_id: string
  event_type: string
  timestamp: string
  data: Record<string, unknown>
  symbol: string | null
  user_id?: string
  accepted_at: string
}

export interface EventInFull extends StoredEvent {
  deliveries: Delivery[]
  deliveries_truncated: boolean
}

export interface EventTypeEntry {
  event_type: string
  description: string
  system_only: boolean
  schema: JsonSchema
  example: Record<string, unknown>
  streamed_as: { channel: string; type: string } | null
}

export interface JsonSchema {
  type?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  anyOf?: JsonSchema[]
  enum?: string[]
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  description?: string
}

export interface ApiKey {
  id: string
  name: string
  hint: string
  role: string
  tier: string
  expires_at: string | null
  last_used_at: string | null
  created_at: string
  /** In the answer that made or rotated it. */
  key?: string
}

export interface Overview {
  timestamp: string
  open_deliveries: number
  oldest_due_seconds: number
  lanes_waiting: Record<string, number | null>
  breakers: Record<string, number>
  slow_webhooks: number
  attempts: {
    per_second: number
    sample: number
    succeeded: number
    failed: number
    p50_ms: number | null
    p95_ms: number | null
    p99_ms: number | null
    first_delay_p50_ms: number | null
    first_delay_p95_ms: number | null
  }
  process: {
    id: string
    started_at: string
    sockets: number
    streams: number
    events: number
    deliveries: number
    messages: number
    requests: number
  }
}

export type Page<Name extends string, Item> = Record<Name, Item[]> & { next_cursor: string | null }
