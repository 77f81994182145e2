import type { LoggedAttempt, LoggedDelivery } from './delivery-log.ts'
import { presentAttempt, presentDelivery } from './present-delivery.ts'

/**
 * One attempt as whoever watches its webhook sees it: the fields of its delivery, as they were after this attempt, and what
 * the attempt itself has.
 * @param requestBody null leaves out what was sent
 */
export function presentMadeAttempt(delivery: LoggedDelivery, attempt: LoggedAttempt, requestBody: string | null) {
  const { status, request, response, ...own } = presentAttempt(attempt, requestBody ?? '')
  return {
    ...presentDelivery(delivery),
    ...own,
    response_code: response?.status ?? null,
    response_body: response?.body ?? null,
    attempt_status: status,
    response,
    ...(requestBody === null ? {} : { request }),
  }
}
