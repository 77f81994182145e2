import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js'
import { refusalOf as framingRefusal, hasBody } from '../bridge/framing.ts'
import { readHeaders } from '../bridge/header-text.ts'
import { peerAddress } from '../bridge/peer-address.ts'
import { clientAddress } from '../client-address.ts'
import { type ApiError, badRequest, forbidden, notFound, rateLimited, unauthorized, unavailable } from '../errors.ts'
import { uuidv7 } from '../ids.ts'
import { type Admission, type AdmissionRules, judge, type Visitor } from './admission.ts'
import { CLOSE, type Refusal } from './close-codes.ts'
import { type EventId, parseEventId } from './event-id.ts'
import { EventStream } from './event-stream.ts'
import type { EventTopics } from './event-topics.ts'
import { refuseHandshake } from './handshake.ts'
import type { SocketLimits } from './socket-limits.ts'
import { type Asked, readStreamUrl } from './stream-path.ts'
import type { Subscriber } from './subscriber.ts'

/*
 * The streams as Server-Sent Events, for who cannot use WebSockets: `GET /api/v1/streams/{channel}[/{symbol}]`. A response is a
 * subscriber as a socket is, with the same rights, limits and messages; only what refuses it is an HTTP status.
 *
 * It is answered here and not through the bridge: thousands of them would each keep a Koa context, and a message would pass
 * through a Node stream for each.
 */
export interface EventStreamServerDeps {
  admission: AdmissionRules
  limits: Pick<SocketLimits, 'enter'>
  topics: EventTopics
  open: (carrier: EventStream, visitor: Visitor, admission: Admission) => Subscriber
  gone: (subscriber: Subscriber, code: number) => void
  onError: (error: unknown) => void
}

export const EVENTS_PATH = '/api/v1/streams'
const NO_TOKEN = 'this needs a token: ?token= or the header Authorization'
const ALLOWED_HEADERS = 'Authorization, X-API-Key, Last-Event-ID, Cache-Control'

export function attachEventStreams(app: TemplatedApp, deps: EventStreamServerDeps): void {
  for (const path of [EVENTS_PATH, `${EVENTS_PATH}/*`]) {
    app.get(path, (response, request) => void answer(deps, response, request).catch(deps.onError))
    app.options(path, (response, request) => answerPreflight(deps.admission, response, request))
  }
}

async function answer(deps: EventStreamServerDeps, response: HttpResponse, request: HttpRequest): Promise<void> {
  const { admission } = deps
  let stream: EventStream | undefined
  let aborted = false
  response.onAborted(() => {
    aborted = true
    stream?.aborted()
  })
  const asked = readRequest(admission, response, request)
  const cors = corsOf(admission, asked.origin)
  const refuse = (error: ApiError) => void response.cork(() => refuseHandshake(response, error, { headers: cors }))
  if (asked.refusal) return refuse(asked.refusal)
  const { address, origin, url, token } = asked
  const verdict = await judge(admission, { asked: url, offered: { protocol: '', token }, origin, address })
  if (aborted) return
  if ('code' in verdict) return refuse(errorOf(verdict))
  if (verdict.waits) return refuse(unauthorized(NO_TOKEN))
  const resumed = resume(verdict, asked.lastEventId)
  if ('code' in resumed) return refuse(errorOf(resumed))
  const visitor = { address, connectionId: uuidv7(), verdict: resumed.admission }
  const entered = deps.limits.enter(visitor)
  if ('code' in entered) return refuse(errorOf(entered))
  response.cork(() => writeHead(response, cors, visitor.connectionId))
  let subscriber: Subscriber | undefined
  stream = new EventStream(response, {
    topics: deps.topics,
    since: resumed.since,
    hasIds: resumed.admission.asked.wish.conflateMs === undefined,
    onDrained: () => subscriber?.drained(),
    onEnded: (code) => subscriber && deps.gone(subscriber, code),
  })
  subscriber = deps.open(stream, visitor, resumed.admission)
}

interface Request {
  refusal: ApiError | null
  address: string
  origin: string
  url: Asked | Refusal
  token: string | undefined
  lastEventId: string
}

/** All of it in the turn of the request: it is not there later. */
function readRequest(rules: AdmissionRules, response: HttpResponse, request: HttpRequest): Request {
  const address = clientAddress(peerAddress(response), request.getHeader('x-forwarded-for'), rules.trustedProxies)
  const query = request.getQuery() ?? ''
  const headers = readHeaders(request)
  const framing = framingRefusal('GET', request.getUrl(), headers) ?? (hasBody(headers) ? NO_BODY : null)
  const authorization = request.getHeader('authorization')
  const bearer = /^Bearer (\S+)$/i.exec(authorization)?.[1]
  const malformed = authorization !== '' && bearer === undefined ? BAD_AUTHORIZATION : null
  return {
    refusal: rules.turnAway(address) ?? framing ?? malformed,
    address,
    origin: request.getHeader('origin'),
    url: readUrl(request.getUrl(), query),
    token: bearer ?? (request.getHeader('x-api-key') || undefined),
    // A browser's own, which is newer than what the page knew when it wrote the URL.
    lastEventId: request.getHeader('last-event-id') || (new URLSearchParams(query).get('last_event_id') ?? ''),
  }
}

/** One stream is all that a response can bring. */
function readUrl(path: string, query: string): Asked | Refusal {
  const ofSockets = new URLSearchParams(query)
  ofSockets.delete('last_event_id')
  const asked = readStreamUrl(`/ws${path.slice(EVENTS_PATH.length)}`, ofSockets.toString())
  if ('code' in asked || asked.target !== null) return asked
  return { code: CLOSE.noSuchStream, reason: 'no such stream' }
}

const NO_BODY = badRequest('bad_request', 'This request has no body.')
const BAD_AUTHORIZATION = unauthorized('The Authorization header must be: Bearer <token>.')

/** The id says more than `since` in a URL, which does not change when a browser comes back. */
function resume(admission: Admission, lastEventId: string): Refusal | { admission: Admission; since: EventId | null } {
  const { asked } = admission
  const { wish } = asked
  if (wish.conflateMs !== undefined) return { admission, since: null }
  const given = wish.since ? { shared: wish.since, own: wish.userSince } : null
  const since = lastEventId === '' ? given : parseEventId(lastEventId)
  if (lastEventId !== '' && since === null) {
    return { code: CLOSE.badRequest, reason: 'the last event id must be one that the server gave' }
  }
  if (since === null) return { admission, since: null }
  const resumed = { ...wish, since: { ...since.shared }, userSince: since.own && { ...since.own } }
  return { admission: { ...admission, asked: { ...asked, wish: resumed } }, since }
}

function writeHead(response: HttpResponse, cors: Record<string, string>, id: string): void {
  const headers = {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    // nginx would hold events back until its buffer is full.
    'X-Accel-Buffering': 'no',
    'X-Request-Id': id,
    ...cors,
  }
  response.writeStatus('200 OK')
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value)
}

function errorOf({ code, reason }: Refusal): ApiError {
  switch (code) {
    case CLOSE.badRequest:
      return badRequest('bad_request', reason)
    case CLOSE.unauthorized:
      return unauthorized(reason)
    case CLOSE.forbidden:
      return forbidden(reason)
    case CLOSE.noSuchStream:
      return notFound('stream')
    case CLOSE.tooMany:
      return rateLimited(Math.ceil(Number(JSON.parse(reason).retry_after_ms) / 1000))
    default:
      return unavailable('The stream cannot be served now.')
  }
}

/** Tokens, not cookies, say who it is: so what any origin may open as a socket, it may read here. */
function corsOf({ allowsOrigin }: AdmissionRules, origin: string): Record<string, string> {
  return origin === '' || !allowsOrigin(origin) ? {} : { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' }
}

function answerPreflight(rules: AdmissionRules, response: HttpResponse, request: HttpRequest): void {
  response.writeStatus('204 No Content')
  const cors = corsOf(rules, request.getHeader('origin'))
  const allowed = { 'Access-Control-Allow-Methods': 'GET', 'Access-Control-Allow-Headers': ALLOWED_HEADERS }
  const headers = { ...cors, ...allowed, 'Access-Control-Max-Age': '86400' }
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value)
  response.endWithoutBody()
}
