import type { Context, Middleware, Next } from 'koa'
import { uuidv7 } from '../../ids.ts'

const SANE = /^[A-Za-z0-9._-]{1,128}$/

/** Takes the caller's `X-Request-Id` if it is sane, makes one otherwise, and always returns it. */
export function requestId(): Middleware {
  return function requestId(ctx: Context, next: Next) {
    const given = ctx.get('X-Request-Id')
    const id = SANE.test(given) ? given : uuidv7()
    ctx.state['requestId'] = id
    ctx.set('X-Request-Id', id)
    return next()
  }
}
