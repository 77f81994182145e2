import type { Context, Middleware, Next } from 'koa'
import { forbidden } from '../../errors.ts'
import { may, type Permission } from '../../identity/principal.ts'

export function allow(permission: Permission): Middleware {
  return function allow(ctx: Context, next: Next) {
    const { principal } = ctx.state
    if (!may(principal, permission)) {
      throw forbidden(`The role "${principal.role}" may not do this (${permission}).`)
    }
    return next()
  }
}
