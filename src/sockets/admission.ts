import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js'
import { peerAddress } from '../bridge/peer-address.ts'
import { clientAddress } from '../client-address.ts'
import type { ApiError } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import { uuidv7 } from '../ids.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { CLOSE, type Refusal } from './close-codes.ts'
import { handshakeFault, refuseHandshake } from './handshake.ts'
import type { TokenJudge } from './judge-token.ts'
import { type Offered, readOfferedToken } from './offered-token.ts'
import { type Asked, readStreamUrl } from './stream-path.ts'

/** Kept with a socket from its handshake on. */
export interface Arrival {
  address: string
  connectionId: string
  /** Never rejects. */
  judging: Promise<Refusal | Admission>
}

/** What the handshake found out. */
export interface Visitor extends Omit<Arrival, 'judging'> {
  verdict: Refusal | Admission
}

export interface Admission {
  principal: Principal | null
  /** It needs a token and has shown none: its first frame must. */
  waits: boolean
  /** Without the token, which is not kept. */
  asked: Omit<Asked, 'token'>
}

export interface AdmissionRules {
  judge: TokenJudge
  /** The same for who wants to publish. */
  judgeProducer: TokenJudge
  anonymous: readonly string[]
  allowsOrigin: (origin: string) => boolean
  metrics: Pick<StreamMetrics, 'limited'>
  trustedProxies: number
  /** Null, or why no handshake of this address is taken now. */
  turnAway: (address: string) => ApiError | null
}

/**
 * The handshake. Who is refused is let in and closed with a code at once, since a browser shows no status of a failed
 * handshake; only a flood is refused before it.
 *
 * It ends in the turn of the request, while the token is still being checked: of a response that is upgraded in a later turn,
 * corked, the library reads the request's state where the socket is by then, and at times ends the socket without a word.
 */
export function admit(
  rules: AdmissionRules,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  const address = clientAddress(peerAddress(response), request.getHeader('x-forwarded-for'), rules.trustedProxies)
  const refusal = rules.turnAway(address) ?? handshakeFault(request)
  if (refusal) {
    refuseHandshake(response, refusal)
    return
  }
  const key = request.getHeader('sec-websocket-key')
  const extensions = request.getHeader('sec-websocket-extensions')
  const offered = readOfferedToken(request.getHeader('sec-websocket-protocol'))
  const origin = request.getHeader('origin')
  const asked = readStreamUrl(request.getUrl(), request.getQuery() ?? '')
  const judging = judge(rules, { asked, offered, origin, address })
  const arrival: Arrival = { address, connectionId: uuidv7(), judging }
  response.upgrade(arrival, key, offered.protocol, extensions, context)
}

/** What becomes of a visitor, whatever the way they came. */
export async function judge(
  rules: AdmissionRules,
  {
    asked,
    offered,
    origin,
    address,
  }: {
    asked: Asked | Refusal
    offered: Offered
    origin: string
    address: string
  },
): Promise<Refusal | Admission> {
  if ('code' in asked) return asked
  if (typeof offered.token === 'object') return offered.token
  if (!rules.allowsOrigin(origin)) {
    rules.metrics.limited('origin')
    return { code: CLOSE.forbidden, reason: 'this origin is not allowed' }
  }
  const { token: inUrl, ...wanted } = asked
  if (inUrl !== undefined && offered.token !== undefined)
    return { code: CLOSE.badRequest, reason: 'one token is enough' }
  const token = inUrl ?? offered.token
  if (token === undefined) return { principal: null, waits: !mayBeAnonymous(rules, wanted), asked: wanted }
  const judged = await (wanted.publishes ? rules.judgeProducer : rules.judge)(token, address)
  return 'code' in judged ? judged : { principal: judged, waits: false, asked: wanted }
}

function mayBeAnonymous({ anonymous }: AdmissionRules, { target, publishes }: Admission['asked']): boolean {
  if (publishes) return false
  return target === null ? anonymous.length > 0 : anonymous.includes(target.channel)
}
