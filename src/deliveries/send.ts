import { type Dispatcher, errors } from 'undici'
import { createAddressGuard } from './address-guard.ts'
import { AnswerTooLong, LONGEST_ANSWER } from './answer-limit.ts'
import { BlockedAddress, SenderClosed, type Trust } from './connector.ts'
import { createDeadlines, type Deadline, type Deadlines, Stopped } from './deadline.ts'
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

/** Read so much of an answer, so that the connection can be kept; more is not an answer to a webhook. */
const MOST_READ = 64 * 1024
const MOST_KEPT = 16 * 1024
/** Interim answers (1xx) before the answer; nobody has a use for many, and each costs as much as an answer. */
const MOST_HINTS = 20
/** The log shows an answer as it came, so it must come unpacked. */
const ACCEPTED_ENCODING = 'identity'

/** Posts to receivers: guarded addresses, no redirects, no proxies, no decompression. It never throws. */
export function createSender(options: { allowCidrs: readonly string[] } & Trust): Sender {
  const pools = createPools(createAddressGuard(options.allowCidrs), options)
  const deadlines = createDeadlines()
  return {
    send: (request) => send(pools, deadlines, request),
    close: () => pools.close(),
  }
}

async function send(pools: Pools, deadlines: Deadlines, request: SendRequest): Promise<Outcome> {
  const startedAt = performance.now()
  const deadline = deadlines.begin(request.timeoutMs, request.signal)
  try {
    // undici heeds the deadline only once it has a connection.
    const answer = await Promise.race([post(pools, request, deadline), deadline.over])
    return { kind: 'response', ...answer, durationMs: performance.now() - startedAt }
  } catch (error) {
    const failure = describe(deadline.reason ?? error, request.timeoutMs)
    return { ...failure, durationMs: performance.now() - startedAt }
  } finally {
    deadlines.end(deadline, request.signal)
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

async function post(pools: Pools, request: SendRequest, deadline: Deadline) {
  if (deadline.reason) throw deadline.reason
  const { origin, pathname, search } = new URL(request.url)
  let hints = 0
  const response = await pools.get(request.webhookId, origin).request({
    method: 'POST',
    path: pathname + search,
    headers: { ...request.headers, 'Accept-Encoding': ACCEPTED_ENCODING },
    body: request.body,
    signal: deadline,
    // A receiver that answers before it has read everything is not to be retried on another connection.
    idempotent: false,
    onInfo: () => {
      hints += 1
      if (hints > MOST_HINTS) deadline.abort('too_large')
    },
  })
  const headers = definedHeaders(response.headers)
  const retryAfter = headers['retry-after']
  return {
    status: response.statusCode,
    headers,
    body: await readExcerpt(response.body),
    retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
  }
}

async function readExcerpt(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const kept: Buffer[] = []
  let read = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (read < MOST_KEPT) kept.push(chunk.subarray(0, MOST_KEPT - read))
    read += chunk.length
    // Leaving the loop destroys the body and with it the connection.
    if (read > MOST_READ) throw new Stopped('too_large')
  }
  return Buffer.concat(kept)
}

function definedHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
  )
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
