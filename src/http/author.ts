import type { Context } from 'koa'
import type { Author } from '../audit/author.ts'
import type { Principal } from '../identity/principal.ts'

/** Who makes this request, for the audit log. */
export function authorOf(ctx: Context, { userId, role, via, keyId }: Principal): Author {
  return { userId, role, via, keyId, address: ctx.ip, requestId: ctx.state['requestId'] }
}
