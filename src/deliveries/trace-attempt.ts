import { publicId } from '../ids.ts'
import type { Attributes, Tracing } from '../telemetry/tracing.ts'
import type { ClaimedAttempt } from './claim.ts'
import type { Attempted } from './make-attempt.ts'

/** The span of one attempt, within the trace of the request that brought its event. */
export interface AttemptTrace {
  /** What its receiver gets, to go on with the trace. */
  readonly headers: Record<string, string>
  /** @param attempted undefined when nothing could be recorded */
  end(attempted: Attempted | undefined): void
}

export function createAttemptTraces(tracing: Tracing): (claimed: ClaimedAttempt) => AttemptTrace {
  return (claimed) => {
    const span = tracing.begin('delivery attempt', {
      kind: 'client',
      parent: claimed.traceparent,
      attributes: {
        'http.request.method': 'POST',
        'server.address': new URL(claimed.webhook.url).hostname,
        'http.request.resend_count': claimed.attempt - 1,
        'ara.delivery_id': publicId('dlv', claimed.deliveryId),
        'ara.webhook_id': publicId('wh', claimed.webhook.id),
        'ara.event_type': claimed.eventType,
        'ara.attempt': claimed.attempt,
        'ara.test': claimed.test,
      },
    })
    const ownersChoice = claimed.webhook.headerNames.some((name) => name.toLowerCase() === 'traceparent')
    return {
      headers: ownersChoice ? {} : { traceparent: span.traceparent },
      end(attempted) {
        if (!attempted) return span.end({ failure: 'unrecorded' })
        span.end({
          attributes: outcomeOf(attempted),
          failure: attempted.status === 'success' ? undefined : (attempted.error ?? attempted.status),
        })
      },
    }
  }
}

function outcomeOf({ status, recorded, responseCode, error, retryInMs }: Attempted): Attributes {
  return {
    'ara.status': recorded ? status : 'superseded',
    ...(responseCode === null ? {} : { 'http.response.status_code': responseCode }),
    ...(error === null ? {} : { 'error.type': error }),
    ...(retryInMs === null ? {} : { 'ara.retry_in_ms': retryInMs }),
  }
}
