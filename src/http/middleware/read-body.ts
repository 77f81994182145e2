import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware, Next } from 'koa'
import { ApiError, badRequest, tooLarge } from '../../errors.ts'

/**
 * Reads the body, counting while it comes in: over the limit reading stops and the connection is closed after the 413.
 * Leaves the bytes, checked to be UTF-8, in `ctx.state.rawBody`.
 */
export function readBody(options: { limit: number; types: string[]; optional: boolean }): Middleware {
  return async function readBody(ctx: Context, next: Next) {
    const declared = ctx.request.length
    if (declared !== undefined && declared > options.limit) throw refuse(ctx, options.limit)
    const encoding = ctx.get('Content-Encoding')
    if (encoding !== '' && encoding !== 'identity') {
      throw new ApiError(415, 'unsupported_media_type', 'The body must not be compressed.')
    }
    const body = await collect(ctx, options.limit)
    if (body.length > 0 && !options.types.includes(ctx.get('Content-Type')) && !ctx.is(...options.types)) {
      throw new ApiError(415, 'unsupported_media_type', `The Content-Type must be ${options.types.join(' or ')}.`)
    }
    if (body.length === 0 && !options.optional) throw badRequest('empty_body', 'The request needs a body.')
    if (!isUtf8(body)) throw badRequest('malformed_text', 'The body is not UTF-8.')
    ctx.state['rawBody'] = body
    return next()
  }
}

function collect(ctx: Context, limit: number): Promise<Buffer> {
  const request: IncomingMessage = ctx.req
  if (request.destroyed) return Promise.reject(cutShort())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let read = 0
    const settle = (finish: () => void) => {
      request
        .off('data', onData)
        .off('end', onEnd)
        .off('error', onError)
        .off('aborted', onAborted)
        .off('close', onAborted)
      finish()
    }
    const onData = (chunk: Buffer) => {
      read += chunk.length
      chunks.push(chunk)
      if (read <= limit) return
      request.pause()
      settle(() => reject(refuse(ctx, limit)))
    }
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks)))
    const onError = () => settle(() => reject(cutShort()))
    const onAborted = () => settle(() => reject(cutShort()))
    request.on('data', onData).on('end', onEnd).on('error', onError).on('aborted', onAborted).on('close', onAborted)
  })
}

function refuse(ctx: Context, limit: number): ApiError {
  ctx.set('Connection', 'close')
  return tooLarge(`The body has more than ${limit} bytes.`)
}

function cutShort(): ApiError {
  return badRequest('aborted', 'The request ended before its body did.')
}
