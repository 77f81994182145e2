import type { ApiError } from '../errors.ts'

/** The one shape of every error, here and at the edge where no Koa runs yet. */
export function errorEnvelope(error: Pick<ApiError, 'code' | 'message' | 'details'>, requestId: string): string {
  return JSON.stringify({
    error: error.code,
    message: error.message,
    details: error.details ?? null,
    timestamp: new Date().toISOString(),
    request_id: requestId,
  })
}
