import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApiError } from '../errors.ts'
import { errorEnvelope } from '../http/envelope.ts'
import { uuidv7 } from '../ids.ts'
import { BridgeRequest, type RequestHead } from './bridge-request.ts'
import { BridgeResponse } from './bridge-response.ts'
import { BridgeSocket } from './bridge-socket.ts'
import { framingFault, isChunked, type RawHeaders } from './framing.ts'

export type Handle = (request: IncomingMessage, response: ServerResponse) => unknown

/** Answers what uWebSockets.js accepted through a handler made for `node:http`. */
export interface Bridge {
  answer(native: HttpResponse, request: HttpRequest): void
  /** Exchanges that are not over. */
  underWay(): number
  /** From now on every answer also ends its connection. */
  endConnections(): void
}

/*
 * uWebSockets.js ends the process when an exchange is left without an `onAborted`, and throws when a response is touched
 * after its end or abort. So: `onAborted` is set before anything else can happen; request and response let go of the native
 * response the moment one of the two comes; and what the handler throws ends the exchange, not the process.
 */
export function createBridge(handle: Handle, onError: (error: unknown) => void): Bridge {
  const open = new Set<HttpResponse>()
  let ending = false

  function answer(native: HttpResponse, incoming: HttpRequest): void {
    const headers: [string, string][] = []
    incoming.forEach((name, value) => void headers.push([name, value]))
    const method = incoming.getCaseSensitiveMethod()
    const fault = framingFault(method, headers)
    if (fault === null) exchange(native, incoming, { method, headers })
    else refuse(native, fault)
  }

  function exchange(native: HttpResponse, incoming: HttpRequest, head: Pick<RequestHead, 'method' | 'headers'>): void {
    const query = incoming.getQuery()
    const url = query === undefined || query === '' ? incoming.getUrl() : `${incoming.getUrl()}?${query}`
    const address = Buffer.from(native.getRemoteAddressAsText()).toString()
    const socket = new BridgeSocket(unmapped(address), () => response.destroy())
    const request = new BridgeRequest(socket, { ...head, url }, native)
    const closes = () => ending || mustClose(head.headers, request)
    const response = new BridgeResponse(request, native, closes, () => {
      open.delete(native)
      request.release()
    })
    open.add(native)
    native.onAborted(() => {
      open.delete(native)
      request.abort()
      response.abort()
      socket.destroy()
    })
    try {
      handle(request, response)
    } catch (error) {
      onError(error)
      response.destroy()
    }
  }

  return {
    answer,
    underWay: () => open.size,
    endConnections() {
      ending = true
    },
  }
}

/**
 * After the answer the connection ends when the client asked for it, when a part of the body was not read (it would be taken
 * for the next request's head) and after a chunked upload, whose trailers and extensions the native parser misreads.
 */
function mustClose(headers: RawHeaders, request: BridgeRequest): boolean {
  return !request.complete || isChunked(headers) || headers.some(([name, value]) => asksToClose(name, value))
}

function asksToClose(name: string, value: string): boolean {
  return name === 'connection' && /(^|,)\s*close\s*(,|$)/i.test(value)
}

function refuse(native: HttpResponse, fault: string): void {
  const id = uuidv7()
  const body = errorEnvelope(new ApiError(400, 'bad_request', `${fault}.`), id)
  native
    .writeStatus('400 Bad Request')
    .writeHeader('Content-Type', 'application/json; charset=utf-8')
    .writeHeader('X-Request-Id', id)
    .end(body, true)
}

/** A server on `::` sees IPv4 clients as mapped addresses. */
function unmapped(address: string): string {
  const mapped = /^(?:::ffff:|0000:0000:0000:0000:0000:ffff:)([0-9a-f.:]+)$/i.exec(address)?.[1]
  if (mapped === undefined) return address
  if (mapped.includes('.')) return mapped
  const [high = 0, low = 0] = mapped.split(':').map((part) => Number.parseInt(part, 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
