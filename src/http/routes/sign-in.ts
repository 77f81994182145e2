import { z } from 'zod'
import { unauthorized } from '../../errors.ts'
import type { LoginLimit } from '../../identity/login-limit.ts'
import type { SignedIn, SignInLinks } from '../../identity/sign-in-links.ts'
import { type Route, route } from '../route.ts'

/** Of a process without links every code is unknown. */
export function signInRoutes(deps: { links: SignInLinks | undefined; logins: LoginLimit }): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/auth/sign-in',
      summary: 'Change the one-time code of a sign-in link for a token of some hours.',
      permission: 'public',
      body: z.strictObject({ code: z.string().min(1).max(200) }),
      async handle({ body, ctx }) {
        return deps.logins.check<SignedIn>(ctx.ip, async () => {
          const signedIn = deps.links?.use(body.code)
          if (!signedIn)
            throw unauthorized('This link is not valid: it works once, while the process runs that printed it.')
          return signedIn
        })
      },
    }),
  ]
}
