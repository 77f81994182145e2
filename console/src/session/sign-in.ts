import { ApiError, ask } from '../api/api.ts'
import type { Me } from '../api/shapes.ts'
import { beginSession, signInNotice } from './session.ts'

const LINK = /^#sign-in=([\w-]+)$/

/** @throws ApiError when the token is not good */
export async function signInWith(token: string): Promise<void> {
  const me = await ask<Me>('GET', '/api/v1/auth/me', { token })
  beginSession({ token, userId: me.user_id, role: me.role, tier: me.tier, expiresAt: me.expires_at })
}

/** Uses up the code of a sign-in link, and takes it out of the address and the history before it is used. */
export async function takeSignInLink(): Promise<void> {
  const code = LINK.exec(location.hash)?.[1]
  if (code === undefined) return
  history.replaceState(null, '', location.pathname + location.search)
  try {
    const { token } = await ask<{ token: string }>('POST', '/api/v1/auth/sign-in', { body: { code } })
    await signInWith(token)
  } catch (error) {
    const used = error instanceof ApiError && error.status === 401
    signInNotice.value = used
      ? 'This link was used before, or the server has been restarted since. Sign in with a token, or start the server again for a new link.'
      : String(error instanceof Error ? error.message : error)
  }
}
