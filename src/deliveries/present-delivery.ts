import { publicId } from '../ids.ts'
import type { LoggedAttempt, LoggedDelivery } from './delivery-log.ts'

/** What a webhook's owner sees of a delivery. */
export function presentDelivery(delivery: LoggedDelivery) {
  return {
    id: publicId('dlv', delivery.id),
    webhook_id: publicId('wh', delivery.webhook_id),
    event_id: publicId('evt', delivery.event_id),
    event_type: delivery.event_type,
    status: delivery.status,
    attempt: delivery.attempt,
    max_attempts: delivery.max_attempts,
    response_code: delivery.response_code,
    response_body: text(delivery.response_body),
    error: delivery.error,
    error_message: delivery.error_message,
    duration_ms: delivery.duration_ms,
    created_at: delivery.created_at.toISOString(),
    delivered_at: delivery.delivered_at?.toISOString() ?? null,
    next_retry_at: delivery.next_retry_at?.toISOString() ?? null,
    held_back_until: delivery.held_back_until?.toISOString() ?? null,
    test: delivery.test,
  }
}

/** One attempt in full: what was sent, what came back. Custom headers show as `***`. */
export function presentAttempt(attempt: LoggedAttempt, requestBody: string) {
  return {
    attempt: attempt.attempt,
    status: attempt.status,
    started_at: attempt.started_at.toISOString(),
    finished_at: attempt.finished_at?.toISOString() ?? null,
    duration_ms: attempt.duration_ms,
    request: {
      method: 'POST',
      url: attempt.url,
      headers: attempt.request_headers === null ? null : JSON.parse(attempt.request_headers),
      body: requestBody,
    },
    response:
      attempt.response_code === null
        ? null
        : {
            status: attempt.response_code,
            headers: attempt.response_headers === null ? null : JSON.parse(attempt.response_headers.toString()),
            body: text(attempt.response_body),
          },
    error: attempt.error,
    error_message: attempt.error_message,
  }
}

/** Receivers may send any bytes: what is not UTF-8 shows as replacement characters. */
function text(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('utf8')
}
