import type { Attempted } from '../src/deliveries/make-attempt.ts'
import { publicId, uuidTime } from '../src/ids.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import type { Logger } from '../src/telemetry/log.ts'

/** The metrics and the one wide line of an attempt. */
export function reportAttempt(
  deps: { metrics: Pick<DeliveryMetrics, 'attempted' | 'begun'>; log: Pick<Logger, 'info'> },
  worker: string,
  attempted: Attempted,
): void {
  deps.metrics.attempted(attempted.status, attempted.error, attempted.durationMs)
  if (attempted.attempt === 1) deps.metrics.begun(secondsUntilBegun(attempted, Date.now()))
  deps.log.info(
    {
      worker,
      delivery_id: publicId('dlv', attempted.deliveryId),
      webhook_id: publicId('wh', attempted.webhookId),
      event_type: attempted.eventType,
      attempt: attempted.attempt,
      status: attempted.recorded ? attempted.status : 'superseded',
      response_code: attempted.responseCode,
      error: attempted.error,
      duration_ms: attempted.durationMs,
      retry_in_ms: attempted.retryInMs,
      test: attempted.test,
    },
    'delivery.attempted',
  )
}

/** A delivery's id was made when its event was accepted. */
function secondsUntilBegun(attempted: Attempted, now: number): number {
  return Math.max(0, now - attempted.durationMs - uuidTime(attempted.deliveryId)) / 1000
}
