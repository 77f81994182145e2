/**
 * The one error a caller may see. Anything else that reaches the edge is a bug and is shown as `internal_error`.
 * `code` is a snake_case word that clients may switch on; `message` is for people.
 */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly details: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    options: { details?: unknown; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.details = options.details
    this.headers = options.headers ?? {}
  }
}

export interface Complaint {
  path: string
  reason: string
}

export function badRequest(code: string, message: string): ApiError {
  return new ApiError(400, code, message)
}

export function unauthorized(message: string): ApiError {
  return new ApiError(401, 'unauthorized', message, { headers: { 'WWW-Authenticate': 'Bearer' } })
}

export function forbidden(message: string): ApiError {
  return new ApiError(403, 'forbidden', message)
}

/** Also the answer for what belongs to somebody else: it must not differ from what does not exist. */
export function notFound(what = 'resource'): ApiError {
  return new ApiError(404, 'not_found', `No such ${what}.`)
}

export function conflict(code: string, message: string): ApiError {
  return new ApiError(409, code, message)
}

export function tooLarge(message: string): ApiError {
  return new ApiError(413, 'payload_too_large', message)
}

export function invalid(details: readonly Complaint[], message = 'The request does not validate.'): ApiError {
  return new ApiError(422, 'validation_failed', message, { details })
}

export function rateLimited(retryAfterSeconds: number, message = 'Too many requests.'): ApiError {
  return new ApiError(429, 'rate_limited', message, { headers: { 'Retry-After': String(retryAfterSeconds) } })
}

export function unavailable(message: string, retryAfterSeconds = 2, cause?: unknown): ApiError {
  return new ApiError(503, 'unavailable', message, { headers: { 'Retry-After': String(retryAfterSeconds) }, cause })
}
