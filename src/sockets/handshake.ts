import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { ApiError } from '../errors.ts'
import { errorEnvelope } from '../http/envelope.ts'
import { uuidv7 } from '../ids.ts'

/**
 * Why a request opens no socket (RFC 6455, section 4.2.1), or null. The library itself only asks for a key of the right length
 * and hands all others to the next route.
 */
export function handshakeFault(request: HttpRequest): ApiError | null {
  const header = (name: string) => request.getHeader(name)
  if (header('upgrade').toLowerCase() !== 'websocket') return upgradeRequired('This is for WebSockets.')
  if (header('sec-websocket-version') !== '13') return upgradeRequired('Sec-WebSocket-Version must be 13.')
  if (!/(^|,)\s*upgrade\s*(,|$)/i.test(header('connection'))) return bad('Connection must be Upgrade.')
  if (!/^[+/\dA-Za-z]{22}==$/.test(header('sec-websocket-key'))) {
    return bad('Sec-WebSocket-Key must be 16 bytes in base64.')
  }
  return null
}

/** Answers in the turn of the request, or corked. */
export function refuseHandshake(
  response: HttpResponse,
  refusal: ApiError,
  { isHead = false, headers: others = {} }: { isHead?: boolean; headers?: Record<string, string> } = {},
): void {
  const id = uuidv7()
  const { status } = refusal
  const headers = { ...refusal.headers, ...others }
  response.writeStatus(`${status} ${STATUS_CODES[status]}`)
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value)
  response.writeHeader('Content-Type', 'application/json; charset=utf-8').writeHeader('X-Request-Id', id)
  if (isHead) response.endWithoutBody()
  else response.end(errorEnvelope(refusal, id), true)
}

/** What is left for a GET or HEAD that the library does not take for a handshake. */
export function refusePlainRequest(response: HttpResponse, request: HttpRequest): void {
  const isHead = request.getMethod() === 'head'
  refuseHandshake(response, handshakeFault(request) ?? bad('This is no WebSocket handshake.'), { isHead })
}

function upgradeRequired(message: string): ApiError {
  const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }
  return new ApiError(426, 'upgrade_required', message, { headers })
}

function bad(message: string): ApiError {
  return new ApiError(400, 'bad_request', message)
}
