import { hash } from 'node:crypto'
import type { Context } from 'koa'
import { invalid } from '../errors.ts'
import type { KeyUse } from '../idempotency/idempotency-keys.ts'
import type { Principal } from '../identity/principal.ts'

const KEY = /^[\x21-\x7e]{1,255}$/

/** The request's use of an `Idempotency-Key`, if it sent one: who, which route, which key, which body. */
export function keyUse(ctx: Context, principal: Principal): KeyUse | undefined {
  const key = ctx.req.headers['idempotency-key']
  if (key === undefined) return undefined
  // An empty one is refused too: its sender believes to be safe.
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw invalid([{ path: 'Idempotency-Key', reason: 'must be 1 to 255 visible ASCII characters' }])
  }
  const bodySha256 = hash('sha256', ctx.state['rawBody'], 'buffer')
  return { principal: principal.userId, route: `${ctx.method} ${ctx.state['route']}`, key, bodySha256 }
}
