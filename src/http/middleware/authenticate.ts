import type { JwtHeader } from 'jsonwebtoken'
import type { Context, Middleware, Next } from 'koa'
import koaJwt from 'koa-jwt'
import { unauthorized } from '../../errors.ts'
import type { Authenticator } from '../../identity/authenticator.ts'
import type { LoginLimit } from '../../identity/login-limit.ts'
import type { Principal } from '../../identity/principal.ts'
import { refusedToken } from '../../identity/verify-token.ts'

const BEARER = /^Bearer (\S+)$/i

/**
 * Finds out who asks: `Authorization: Bearer <JWT>`, else `X-API-Key`. A bearer that is not good is 401 and the key is not
 * tried. A token in the query is no credential here.
 */
export function authenticate(authenticator: Authenticator, logins: LoginLimit): Middleware {
  const { keys, options } = authenticator.rules
  // Its types are those of an older release: the library takes a KeyObject and every option of jsonwebtoken.
  const verifyBearer = koaJwt({
    secret: (header: JwtHeader) => keys.find(header),
    ...options,
    key: 'claims',
    passthrough: true,
  } as unknown as koaJwt.Options)

  async function identify(ctx: Context, suspect: boolean): Promise<Principal> {
    const authorization = ctx.get('Authorization')
    if (authorization === '') return authenticator.apiKey(ctx.get('X-API-Key'), suspect)
    const token = bearerIn(authorization)
    if (token === undefined) throw unauthorized('The Authorization header must be: Bearer <token>.')
    await verifyBearer(ctx, async () => undefined)
    const claims = ctx.state['claims']
    if (claims === undefined) throw refusedToken(ctx.state['jwtOriginalError'])
    return authenticator.claims(token, claims)
  }

  return async function authenticate(ctx: Context, next: Next) {
    // A request that names nobody is no failed login.
    if (!presentsCredential(ctx)) throw unauthorized('This needs an Authorization: Bearer token or an X-API-Key.')
    const token = bearerIn(ctx.get('Authorization'))
    // What is good passes however many failed before, so what is known to be good need not be counted.
    const known = token === undefined ? undefined : authenticator.recall(token)
    ctx.state['principal'] = await (known ?? logins.check(ctx.ip, (suspect) => identify(ctx, suspect)))
    return next()
  }
}

function bearerIn(authorization: string): string | undefined {
  return BEARER.exec(authorization)?.[1]
}

function presentsCredential(ctx: Context): boolean {
  return ctx.get('Authorization') !== '' || ctx.get('X-API-Key') !== ''
}
