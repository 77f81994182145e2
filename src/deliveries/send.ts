import { errors } from 'undici'
import { createAddressGuard } from './address-guard.ts'
import { AnswerTooLong, LONGEST_ANSWER } from './answer-limit.ts'
import { BlockedAddress, SenderClosed, type Trust } from './connector.ts'
import { type Answer, Exchange, MOST_HINTS, MOST_READ, Stopped } from './exchange.ts'
import { createPools, type Pools } from './pools.ts'

export interface SendRequest {
  webhookId: string
  url: string
  headers: Record<string, string>
  body: string
  /** One deadline over everything: name, connection, TLS, headers, body. */
  timeoutMs: number
  signal?: AbortSignal
}

export type FailureKind =
  | 'timeout'
  | 'connection_refused'
  | 'connection_reset'
  | 'unreachable'
  | 'dns'
  | 'tls'
  | 'blocked_address'
  | 'too_large'
  | 'protocol'
  | 'aborted'

/** What came of one request. Failures of the network are outcomes like any other. */
export type Outcome =
  | {
      kind: 'response'
      status: number
      headers: Record<string, string | string[]>
      /** At most 16 KiB of it. */
      body: Buffer
      retryAfter: string | undefined
      durationMs: number
    }
  | { kind: FailureKind; message: string; durationMs: number }

export interface Sender {
  send(request: SendRequest): Promise<Outcome>
  close(): Promise<void>
}

/** The log shows an answer as it came, so it must come unpacked. */
const ACCEPTED_ENCODING = 'identity'

/** Posts to receivers: guarded addresses, no redirects, no proxies, no decompression. It never throws. */
export function createSender(options: { allowCidrs: readonly string[] } & Trust): Sender {
  const pools = createPools(createAddressGuard(options.allowCidrs), options)
  const exchanges = createExchanges()
  return {
    send: (request) => send(pools, exchanges, request),
    close: () => pools.close(),
  }
}

/** The exchanges that a signal ends. Hundreds of them share the one that stops their worker, so it gets one listener for all. */
interface Exchanges {
  add(exchange: Exchange, signal: AbortSignal | undefined): void
  delete(exchange: Exchange, signal: AbortSignal | undefined): void
}

function createExchanges(): Exchanges {
  const bySignal = new WeakMap<AbortSignal, Set<Exchange>>()

  function under(signal: AbortSignal): Set<Exchange> {
    const known = bySignal.get(signal)
    if (known) return known
    const running = new Set<Exchange>()
    bySignal.set(signal, running)
    signal.addEventListener('abort', () => abortAll(running), { once: true })
    return running
  }

  return {
    add(exchange, signal) {
      if (signal?.aborted) exchange.stop('aborted')
      else if (signal) under(signal).add(exchange)
    },
    delete(exchange, signal) {
      if (signal) bySignal.get(signal)?.delete(exchange)
    },
  }
}

function abortAll(running: ReadonlySet<Exchange>): void {
  for (const exchange of running) exchange.stop('aborted')
}

async function send(pools: Pools, exchanges: Exchanges, request: SendRequest): Promise<Outcome> {
  const startedAt = performance.now()
  const exchange = new Exchange(request.timeoutMs)
  exchanges.add(exchange, request.signal)
  try {
    const { status, headers, body } = await post(pools, request, exchange)
    const retryAfter = headers['retry-after']
    return {
      kind: 'response',
      status,
      headers,
      body,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      durationMs: performance.now() - startedAt,
    }
  } catch (error) {
    const { kind, message } = describe(error, request.timeoutMs)
    return { kind, message, durationMs: performance.now() - startedAt }
  } finally {
    exchanges.delete(exchange, request.signal)
  }
}

/** What `post` sends beside the headers it is given, but `Connection`, which undici says. */
export function transportHeaders({ url, body }: Pick<SendRequest, 'url' | 'body'>): Record<string, string> {
  return {
    Host: new URL(url).host,
    'Accept-Encoding': ACCEPTED_ENCODING,
    'Content-Length': String(Buffer.byteLength(body)),
  }
}

async function post(pools: Pools, request: SendRequest, exchange: Exchange): Promise<Answer> {
  if (exchange.stopped) return exchange.answer
  const { origin, pathname, search } = new URL(request.url)
  const options = {
    method: 'POST',
    path: pathname + search,
    headers: { ...request.headers, 'Accept-Encoding': ACCEPTED_ENCODING },
    body: request.body,
    // A receiver that answers before it has read everything is not to be retried on another connection.
    idempotent: false,
  } as const
  try {
    pools.get(request.webhookId, origin).dispatch(options, exchange)
  } catch (error) {
    exchange.fail(error)
  }
  return exchange.answer
}

const KINDS: Record<string, FailureKind> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENETDOWN: 'unreachable',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  UND_ERR_HEADERS_OVERFLOW: 'too_large',
  EPROTO: 'tls',
}

/** `<thread>:error:<number>:<library>:<function>:<reason>:<file>:<line>:`, of which a webhook's owner can use the reason. */
const OPENSSL = /\S*:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):[\s\S]*$/

function describe(error: unknown, timeoutMs: number): { kind: FailureKind; message: string } {
  if (error instanceof Stopped) return stopped(error.kind, timeoutMs)
  if (error instanceof SenderClosed || error instanceof errors.ClientDestroyedError)
    return stopped('aborted', timeoutMs)
  if (error instanceof AnswerTooLong) {
    return { kind: 'too_large', message: `The receiver sent more than ${LONGEST_ANSWER} bytes.` }
  }
  if (error instanceof BlockedAddress) return { kind: 'blocked_address', message: `Not sent: ${error.message}.` }
  if (!(error instanceof Error)) return { kind: 'protocol', message: 'The request failed.' }
  const code = 'code' in error ? String(error.code) : ''
  const message = (error.message || code).replace(OPENSSL, 'TLS: $1')
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(code))
    return { kind: 'tls', message }
  if (error instanceof errors.HTTPParserError || code.startsWith('HPE_')) {
    return { kind: code === 'HPE_HEADER_OVERFLOW' ? 'too_large' : 'protocol', message: 'The answer was not HTTP.' }
  }
  if (error instanceof errors.SocketError && /^bad (response|upgrade)/.test(message)) {
    return { kind: 'protocol', message: 'The answer was not one to this request.' }
  }
  return { kind: KINDS[code] ?? 'protocol', message }
}

function stopped(kind: Stopped['kind'], timeoutMs: number): { kind: FailureKind; message: string } {
  switch (kind) {
    case 'timeout':
      return { kind: 'timeout', message: `No complete answer within ${timeoutMs} ms.` }
    case 'aborted':
      return { kind: 'aborted', message: 'The worker was stopped before the receiver answered.' }
    case 'too_large':
      return {
        kind: 'too_large',
        message: `The answer has more than ${MOST_READ} bytes, or more than ${MOST_HINTS} hints before it.`,
      }
    default:
      return kind satisfies never
  }
}
