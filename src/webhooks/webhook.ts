/** A webhook's row. `secret` and `headers` are sealed; the sender opens them. */
export interface Webhook {
  id: string
  user_id: string
  url: string
  events: string[]
  symbols: string[] | null
  secret: Buffer
  /** Signs beside `secret` as long as `rotating_until` is ahead. Sealed. */
  previous_secret: Buffer | null
  /** When the overlap of the last rotation ends; null when none is under way. */
  rotating_until: Date | null
  headers: Buffer | null
  header_names: string[]
  description: string | null
  active: boolean
  signature_style: SignatureStyle
  max_attempts: number
  disabled_reason: string | null
  /** Since when it is off. */
  disabled_at: Date | null
  created_at: Date
  updated_at: Date
  delivery_count: number
  success_count: number
  failure_count: number
  last_delivery_at: Date | null
  last_delivery_status: string | null
  /** Since when no delivery has got through, when some were given up. */
  failing_since: Date | null
}

export const SIGNATURE_STYLES = ['canonical', 'node-quickstart'] as const
export type SignatureStyle = (typeof SIGNATURE_STYLES)[number]
