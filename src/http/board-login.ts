import type { Context } from 'koa'
import { ApiError, unauthorized } from '../errors.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { LoginLimit } from '../identity/login-limit.ts'
import { may, type Principal } from '../identity/principal.ts'
import { readBody } from './middleware/read-body.ts'

export interface LoginDeps {
  authenticator: Pick<Authenticator, 'bearer' | 'apiKey'>
  logins: LoginLimit
}

export interface BoardLogin {
  /** Answers the login's own paths. */
  answer(ctx: Context): Promise<boolean>
  /** Null when nobody is logged in. */
  identify(ctx: Context): Promise<Principal | null>
  refuse(): never
}

export const BOARD_COOKIE = 'ara_board'
const LONGEST_MS = 12 * 3_600_000
const FORM_LIMIT = 16 * 1024

/** The token itself is the cookie: it ends with the token, and no script can read it. */
export function createBoardLogin({ authenticator, logins }: LoginDeps, base: string): BoardLogin {
  const readForm = readBody({ limit: FORM_LIMIT, types: ['application/x-www-form-urlencoded'], optional: false })
  const verify = (token: string, suspect: boolean) =>
    token.startsWith('ara_') ? authenticator.apiKey(token, suspect) : authenticator.bearer(token)
  const tryToVerify = (ctx: Context, token: string) => logins.check(ctx.ip, (suspect) => verify(token, suspect))

  async function logIn(ctx: Context): Promise<void> {
    await readForm(ctx, async () => undefined)
    const token = new URLSearchParams(String(ctx.state['rawBody'])).get('token')?.trim() ?? ''
    try {
      const principal = await tryToVerify(ctx, token)
      if (!may(principal, 'board:open')) return showLogin(ctx, base, 403, 'This token is not an admin’s.')
      const left = (principal.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now()
      setCookie(ctx, base, token, Math.min(left, LONGEST_MS))
      ctx.redirect(base)
      ctx.status = 303
    } catch (error) {
      if (!(error instanceof ApiError) || error.status >= 500) throw error
      ctx.set(error.headers)
      showLogin(ctx, base, error.status, error.message)
    }
  }

  return {
    async answer(ctx) {
      if (ctx.path === `${base}/logout` && ctx.method === 'POST') {
        setCookie(ctx, base, '', 0)
        ctx.redirect(`${base}/login`)
        ctx.status = 303
        return true
      }
      if (ctx.path !== `${base}/login`) return false
      if (ctx.method === 'POST') await logIn(ctx)
      else showLogin(ctx, base, 200, '')
      return true
    },
    async identify(ctx) {
      const header = /^Bearer (\S+)$/i.exec(ctx.get('Authorization'))?.[1]
      if (header !== undefined) return tryToVerify(ctx, header)
      const token = ctx.cookies.get(BOARD_COOKIE)
      if (token === undefined || token === '') return null
      // A cookie that has ended is no failed login, so no limit holds for it: it is looked up as if it came in a flood.
      return verify(token, true).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      })
    },
    refuse() {
      throw unauthorized(`Log in at ${base}/login or send an admin's bearer token.`)
    },
  }
}

function setCookie(ctx: Context, base: string, token: string, lifeMs: number): void {
  const secure = ctx.secure || ctx.get('X-Forwarded-Proto') === 'https'
  const attributes = [
    `${BOARD_COOKIE}=${token}`,
    `Path=${base}`,
    `Max-Age=${Math.floor(lifeMs / 1000)}`,
    'HttpOnly',
    'SameSite=Strict',
  ]
  ctx.append('Set-Cookie', [...attributes, ...(secure ? ['Secure'] : [])].join('; '))
}

function showLogin(ctx: Context, base: string, status: number, complaint: string): void {
  ctx.status = status
  ctx.type = 'html'
  ctx.body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Queues · ara-events</title>
<link rel="icon" href="data:,">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem; color: #1c2430 }
textarea { width: 100%; box-sizing: border-box; font: 14px/1.4 ui-monospace, monospace; padding: .5rem }
button { font: inherit; padding: .4rem 1.2rem; margin-top: .8rem }
[role=alert] { color: #a3201d }
</style>
</head>
<body>
<h1>Queues</h1>
<form method="post" action="${base}/login">
<label for="token">An admin’s token or API key</label>
<textarea id="token" name="token" rows="5" required autofocus spellcheck="false" autocomplete="off"></textarea>
${complaint === '' ? '' : `<p role="alert">${escapeHtml(complaint)}</p>`}
<button>Log in</button>
</form>
</body>
</html>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
