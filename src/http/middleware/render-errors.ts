import { type Context, HttpError, type Middleware, type Next } from 'koa'
import { ApiError } from '../../errors.ts'
import type { Logger } from '../../telemetry/log.ts'
import { errorEnvelope } from '../envelope.ts'

const CODES: Record<number, string> = {
  400: 'bad_request',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  501: 'not_implemented',
}

/** Turns whatever was thrown into the envelope. What is no ApiError is a bug: logged here, shown without its words. */
export function renderErrors(log: Logger): Middleware {
  return async function renderErrors(ctx: Context, next: Next) {
    try {
      await next()
      if (ctx.body === undefined) refuseUnanswered(ctx.status)
    } catch (error) {
      const shown = toApiError(error)
      if (shown.status >= 500 && shown.status !== 503) {
        log.error({ err: error, request_id: ctx.state['requestId'] }, 'request.failed')
      }
      ctx.status = shown.status
      ctx.set(shown.headers)
      ctx.type = 'application/json'
      ctx.body = errorEnvelope(shown, ctx.state['requestId'])
    }
  }
}

/** Nobody answered: no such path, or (said by the router, with `Allow`) not this method. */
function refuseUnanswered(status: number): void {
  if (status === 404) throw new ApiError(404, 'not_found', 'No such resource.')
  if (status === 405 || status === 501) {
    throw new ApiError(status, CODES[status] ?? 'bad_request', 'This path does not know this method.')
  }
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof HttpError && error.expose) {
    return new ApiError(error.status, CODES[error.status] ?? 'bad_request', error.message)
  }
  return new ApiError(500, 'internal_error', 'Something went wrong here. The request id helps to find it.')
}
