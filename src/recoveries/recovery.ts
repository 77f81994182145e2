export const RECOVERABLE = ['failed', 'missing'] as const
export type Recoverable = (typeof RECOVERABLE)[number]

/** A task that goes through a span of a webhook's past and opens again what did not arrive. */
export interface Recovery {
  id: string
  webhook_id: string
  user_id: string
  recovers: Recoverable
  since: Date
  until: Date
  status: 'running' | 'completed' | 'canceled' | 'failed'
  /** The last id that was handled: a delivery's of `failed`, an event's of `missing`. */
  position: string
  /** The first id that is out of the span. */
  end_position: string
  recovered: number
  skipped: number
  failed_rounds: number
  reason: string | null
  created_at: Date
  updated_at: Date
  finished_at: Date | null
}
