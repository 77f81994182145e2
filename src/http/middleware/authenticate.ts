import type { JwtHeader } from 'jsonwebtoken'
import type { Context, Middleware, Next } from 'koa'
import koaJwt from 'koa-jwt'
import { ApiError, unauthorized } from '../../errors.ts'
import type { Authenticator } from '../../identity/authenticator.ts'
import type { LoginLimit } from '../../identity/login-limit.ts'
import type { Principal } from '../../identity/principal.ts'
import { refusedToken } from '../../identity/verify-token.ts'

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

  async function identify(ctx: Context): Promise<Principal> {
    const authorization = ctx.get('Authorization')
    if (authorization === '') {
      const apiKey = ctx.get('X-API-Key')
      if (apiKey === '') throw unauthorized('This needs an Authorization: Bearer token or an X-API-Key.')
      return authenticator.apiKey(apiKey)
    }
    if (!/^Bearer \S+$/i.test(authorization)) throw unauthorized('The Authorization header must be: Bearer <token>.')
    await verifyBearer(ctx, async () => undefined)
    const claims = ctx.state['claims']
    if (claims === undefined) throw refusedToken(ctx.state['jwtOriginalError'])
    return authenticator.claims(claims)
  }

  return async function authenticate(ctx: Context, next: Next) {
    await logins.refuseIfExhausted(ctx.ip)
    try {
      ctx.state['principal'] = await identify(ctx)
    } catch (error) {
      // A blocked user and a database that is away are no failed logins; neither is a request that names nobody.
      if (presentsCredential(ctx) && error instanceof ApiError && error.status === 401)
        await logins.countFailure(ctx.ip)
      throw error
    }
    return next()
  }
}

function presentsCredential(ctx: Context): boolean {
  return ctx.get('Authorization') !== '' || ctx.get('X-API-Key') !== ''
}
