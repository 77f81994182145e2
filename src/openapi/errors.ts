/** An error as the document shows it: its status and one message of many. */
export interface DocumentedError {
  status: number
  message: string
  details?: unknown
}

/** Every `error` that REST answers. */
export const ERRORS = {
  bad_request: { status: 400, message: 'epoch and since come together' },
  malformed_json: { status: 400, message: 'The body is not JSON: Unexpected end of JSON input' },
  empty_body: { status: 400, message: 'The request needs a body.' },
  malformed_text: { status: 400, message: 'The body is not UTF-8.' },
  aborted: { status: 400, message: 'The request ended before its body did.' },
  empty_batch: { status: 400, message: 'The batch holds no event.' },
  not_an_array: { status: 400, message: 'A batch is a JSON array of events.' },
  unauthorized: { status: 401, message: 'The token has expired.' },
  forbidden: { status: 403, message: 'The role "readonly" may not do this (webhooks:write).' },
  webhook_limit_reached: { status: 403, message: 'You have as many webhooks as your tier allows.' },
  console_not_built: { status: 404, message: 'The console was not built. Run: npm run build' },
  not_found: { status: 404, message: 'No such webhook.' },
  attempt_under_way: { status: 409, message: 'An attempt of this delivery is under way.' },
  event_id_taken: { status: 409, message: 'There is an event of this id already.' },
  own_user: { status: 409, message: 'You cannot block yourself.' },
  recovery_running: { status: 409, message: 'A recovery of this webhook is running.' },
  rotation_under_way: {
    ...{ status: 409, message: 'The last rotation is still under way; finish it or wait for its end.' },
    details: { ends_at: '2026-06-02T09:30:00.000Z' },
  },
  too_many_api_keys: { status: 409, message: 'You have as many API keys as one may have.' },
  webhook_inactive: { status: 409, message: 'The webhook is turned off.' },
  payload_too_large: { status: 413, message: 'The body has more than 1048576 bytes.' },
  unsupported_media_type: { status: 415, message: 'The Content-Type must be application/json.' },
  idempotency_key_reused: { status: 422, message: 'This key was used with another body.' },
  validation_failed: {
    ...{ status: 422, message: 'The request does not validate.' },
    details: [{ path: 'url', reason: 'must be https' }],
  },
  rate_limited: { status: 429, message: 'Too many requests.' },
  slow_down: {
    ...{ status: 429, message: 'The streams are far behind. Nothing of this was published.' },
    details: { behind: 12_000, retry_after_ms: 400 },
  },
  internal_error: { status: 500, message: 'Something went wrong here. The request id helps to find it.' },
  unavailable: { status: 503, message: 'The database is not available. Nothing was stored.' },
} satisfies Record<string, DocumentedError>

export type ErrorCode = keyof typeof ERRORS
