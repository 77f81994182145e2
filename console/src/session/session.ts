import { createSignal } from '../signal.ts'

/**
 * Who is signed in, in this tab. The token is kept in `sessionStorage`: it ends with the tab, no other tab and no other site can
 * make the browser send it (so there is nothing to forge a request with), and the page's policy lets no foreign script in that could read it.
 */
export interface Session {
  token: string
  userId: string
  role: 'readonly' | 'user' | 'producer' | 'admin'
  tier: string
  expiresAt: string | null
}

const KEY = 'ara-session'

export const session = createSignal<Session | null>(read())
/** Why one has to sign in (again), for the sign-in view. */
export const signInNotice = createSignal<string | null>(null)

export function beginSession(begun: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(begun))
  signInNotice.value = null
  session.value = begun
}

export function endSession(notice: string | null = null): void {
  sessionStorage.removeItem(KEY)
  signInNotice.value = notice
  session.value = null
}

export function mayPublish(): boolean {
  return session.value?.role === 'producer' || session.value?.role === 'admin'
}

export function mayChange(): boolean {
  return session.value !== null && session.value.role !== 'readonly'
}

export function isOperator(): boolean {
  return session.value?.role === 'admin'
}

function read(): Session | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null')
    return typeof kept === 'object' && kept !== null && 'token' in kept ? (kept as Session) : null
  } catch {
    return null
  }
}
