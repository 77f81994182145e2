import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js'
import { peerAddress } from '../bridge/peer-address.ts'
import { clientAddress } from '../client-address.ts'
import { ApiError } from '../errors.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import { may, type Principal } from '../identity/principal.ts'
import { uuidv7 } from '../ids.ts'
import { CLOSE, type Refusal } from './close-codes.ts'
import { type Asked, readStreamUrl } from './stream-path.ts'

/** What the handshake found out; kept with the socket. */
export interface Visitor {
  address: string
  connectionId: string
  verdict: Refusal | Admission
}

export interface Admission {
  principal: Principal | null
  /** Without the token, which is not kept. */
  asked: Pick<Asked, 'target' | 'snapshot'>
}

export interface AdmissionRules {
  authenticator: Pick<Authenticator, 'stream'>
  anonymous: readonly string[]
  origins: readonly string[]
  trustedProxies: number
  /** Null, or why no socket is taken now. */
  full: () => { status: '429 Too Many Requests' | '503 Service Unavailable'; retryAfterSeconds: number } | null
  onError: (error: unknown) => void
}

/**
 * The handshake. Who is refused is let in and closed with a code at once, since a browser shows no status of a failed
 * handshake; only a flood is refused before it.
 */
export async function admit(
  rules: AdmissionRules,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): Promise<void> {
  const full = rules.full()
  if (full) {
    response.writeStatus(full.status).writeHeader('Retry-After', String(full.retryAfterSeconds)).end('', true)
    return
  }
  const handshake = [
    request.getHeader('sec-websocket-key'),
    request.getHeader('sec-websocket-protocol'),
    request.getHeader('sec-websocket-extensions'),
  ] as const
  const origin = request.getHeader('origin')
  const peer = peerAddress(response)
  const address = clientAddress(peer, request.getHeader('x-forwarded-for'), rules.trustedProxies)
  const asked = readStreamUrl(request.getUrl(), request.getQuery() ?? '')
  let aborted = false
  response.onAborted(() => {
    aborted = true
  })
  const verdict = await judge(rules, asked, origin)
  if (aborted) return
  const visitor: Visitor = { address, connectionId: uuidv7(), verdict }
  response.cork(() => response.upgrade(visitor, ...handshake, context))
}

async function judge(rules: AdmissionRules, asked: Asked | Refusal, origin: string): Promise<Refusal | Admission> {
  if ('code' in asked) return asked
  if (origin !== '' && rules.origins.length > 0 && !rules.origins.includes(origin)) {
    return { code: CLOSE.forbidden, reason: 'this origin is not allowed' }
  }
  const { token, ...wanted } = asked
  if (token === undefined) return judgeAnonymous(rules, wanted)
  try {
    const principal = await rules.authenticator.stream(token)
    if (!may(principal, 'streams:read')) return { code: CLOSE.forbidden, reason: 'the role may not read streams' }
    return { principal, asked: wanted }
  } catch (error) {
    return refusalOf(error, rules)
  }
}

function judgeAnonymous(rules: AdmissionRules, asked: Admission['asked']): Refusal | Admission {
  const allowed = asked.target === null ? rules.anonymous.length > 0 : rules.anonymous.includes(asked.target.channel)
  if (!allowed) return { code: CLOSE.unauthorized, reason: 'this needs a token: ?token=' }
  return { principal: null, asked }
}

function refusalOf(error: unknown, rules: AdmissionRules): Refusal {
  if (error instanceof ApiError && error.status === 401) return { code: CLOSE.unauthorized, reason: error.message }
  if (error instanceof ApiError && error.status === 403) return { code: CLOSE.forbidden, reason: error.message }
  rules.onError(error)
  return { code: CLOSE.ourFault, reason: 'the token could not be checked; try again' }
}
