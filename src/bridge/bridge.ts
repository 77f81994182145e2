import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { ApiError } from '../errors.ts'
import { errorEnvelope } from '../http/envelope.ts'
import { uuidv7 } from '../ids.ts'
import { BridgeRequest, type RequestHead } from './bridge-request.ts'
import { BridgeResponse } from './bridge-response.ts'
import { BridgeSocket } from './bridge-socket.ts'
import { asksToClose, isChunked, type RawHeaders, refusalOf } from './framing.ts'
import { readHeaders } from './header-text.ts'
import { peerAddress } from './peer-address.ts'

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
    const query = incoming.getQuery()
    const head = {
      method: incoming.getCaseSensitiveMethod(),
      url: query === undefined ? incoming.getUrl() : `${incoming.getUrl()}?${query}`,
      headers: readHeaders(incoming),
    }
    const refusal = refusalOf(head.method, head.url, head.headers)
    if (refusal === null) exchange(native, head)
    else refuse(native, refusal)
  }

  function exchange(native: HttpResponse, head: RequestHead): void {
    const socket = new BridgeSocket(peerAddress(native), () => response.destroy())
    const request = new BridgeRequest(socket, head, native)
    const closes = () => ending || mustClose(head.headers, request)
    const response = new BridgeResponse(request, native, closes, () => {
      open.delete(native)
      request.release()
    })
    open.add(native)
    native.onAborted(() => {
      open.delete(native)
      response.clientGone()
      request.clientGone()
      socket.destroy()
    })
    void run(request, response)
  }

  async function run(request: BridgeRequest, response: BridgeResponse): Promise<void> {
    try {
      await handle(request, response)
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
 * After the answer the connection ends when the client asked for it, when the body has not come to its end, and after a
 * chunked upload, whose trailers and extensions the native parser misreads.
 */
function mustClose(headers: RawHeaders, request: BridgeRequest): boolean {
  return (
    !request.complete ||
    isChunked(headers) ||
    headers.some(([name, value]) => name === 'connection' && asksToClose(value))
  )
}

/**
 * Not at once: the parser would go on with what follows on the connection and serve it. While an answer is owed, it closes
 * the connection instead.
 */
function refuse(native: HttpResponse, refusal: ApiError): void {
  let gone = false
  native.onAborted(() => {
    gone = true
  })
  setImmediate(() => {
    if (!gone) native.cork(() => sendRefusal(native, refusal))
  })
}

function sendRefusal(native: HttpResponse, refusal: ApiError): void {
  const id = uuidv7()
  native
    .writeStatus(`${refusal.status} ${STATUS_CODES[refusal.status]}`)
    .writeHeader('Content-Type', 'application/json; charset=utf-8')
    .writeHeader('X-Request-Id', id)
    .end(errorEnvelope(refusal, id), true)
}
