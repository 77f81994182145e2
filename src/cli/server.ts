import { setTimeout } from 'node:timers/promises'
import { readCallerConfig } from '../config.ts'
import type { Call } from './command.ts'
import { CommandFailed, UsageError } from './failures.ts'

const ANSWER_MS = 30_000
const MOST_TRIES = 8
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 60_000

/** An answer that is no success, as the server worded it. */
export class RefusedByServer extends CommandFailed {
  readonly status: number
  readonly retryAfterMs: number

  constructor(status: number, answer: unknown, retryAfter: string | null) {
    super(messageOf(status, answer), { answer })
    this.name = 'RefusedByServer'
    this.status = status
    this.retryAfterMs = Number(retryAfter) > 0 ? Number(retryAfter) * 1000 : 0
  }
}

export class Unreachable extends CommandFailed {
  constructor(url: string, cause: unknown) {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    const reason = inner instanceof Error ? inner.message || String('code' in inner ? inner.code : inner.name) : inner
    super(`${url} cannot be reached: ${String(reason)}. --url or ARA_EVENTS_URL says where the server is.`, { cause })
    this.name = 'Unreachable'
  }
}

export interface Answer<Body> {
  body: Body
  status: number
  headers: Headers
}

export interface Sent {
  /** Sent as JSON; a text goes as it is. */
  body?: unknown
  contentType?: string
  idempotencyKey?: string
  query?: Record<string, string | number | boolean | undefined>
}

/** The API of one server, as one user. */
export class Server {
  readonly url: string
  readonly token: string | undefined
  readonly #signal: AbortSignal
  #now = Date.now()

  /** @throws UsageError for a URL that is none */
  constructor({ options, signal }: Pick<Call, 'options' | 'signal'>) {
    const config = readCallerConfig(process.env)
    this.url = baseOf(options.text('url') ?? config.url)
    this.token = options.text('token') ?? config.token
    this.#signal = signal
  }

  /** For what cannot be done without a token. */
  withToken(): this {
    if (this.token === undefined) throw new UsageError('A token is missing: give --token, or set ARA_EVENTS_TOKEN.')
    return this
  }

  async call<Body>(method: string, path: string, sent: Sent = {}): Promise<Body> {
    return (await this.ask<Body>(method, path, sent)).body
  }

  /** @throws RefusedByServer, Unreachable, or the reason of the signal */
  async ask<Body>(method: string, path: string, sent: Sent = {}): Promise<Answer<Body>> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_MS)])
    const headers = this.#headers(sent)
    const body = sent.body === undefined ? null : typeof sent.body === 'string' ? sent.body : JSON.stringify(sent.body)
    try {
      const response = await fetch(`${this.url}${path}${queryOf(sent.query)}`, { method, headers, body, signal })
      const text = await response.text()
      this.#now = Date.parse(response.headers.get('date') ?? '') || Date.now()
      const answer = parse(text)
      if (!response.ok) throw new RefusedByServer(response.status, answer, response.headers.get('retry-after'))
      return { body: answer as Body, status: response.status, headers: response.headers }
    } catch (error) {
      if (error instanceof RefusedByServer) throw error
      this.#signal.throwIfAborted()
      throw new Unreachable(this.url, error)
    }
  }

  /** The same until the server takes it: for what may be repeated, as reading, or with an idempotency key. */
  async insist<Body>(
    method: string,
    path: string,
    sent: Sent,
    onPause: (reason: string, ms: number) => void,
  ): Promise<Answer<Body>> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.ask<Body>(method, path, sent)
      } catch (error) {
        if (!isTemporary(error) || tries >= MOST_TRIES) throw error
        const ms = pauseAfter(error, tries, Math.random())
        onPause((error as Error).message, ms)
        await setTimeout(ms, undefined, { signal: this.#signal })
      }
    }
  }

  /** What its clock showed with its last answer, in whole seconds. */
  get now(): number {
    return this.#now
  }

  /** The address of the streams. */
  get streams(): string {
    return `${this.url.replace(/^http/, 'ws')}/ws`
  }

  #headers({ body, contentType = 'application/json', idempotencyKey }: Sent): Record<string, string> {
    return {
      accept: 'application/json',
      ...(this.token === undefined ? {} : credentials(this.token)),
      ...(body === undefined ? {} : { 'content-type': contentType }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    }
  }
}

/** Whether the same may succeed later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof Unreachable) return true
  return error instanceof RefusedByServer && (error.status === 429 || error.status >= 500)
}

/** Longer each time, and never shorter than what the server asked for. */
export function pauseAfter(error: unknown, tries: number, random: number): number {
  const own = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.5 + random / 2)
  return Math.max(own, error instanceof RefusedByServer ? Math.min(LONGEST_PAUSE_MS, error.retryAfterMs) : 0)
}

function credentials(token: string): Record<string, string> {
  return token.startsWith('ara_') ? { 'x-api-key': token } : { authorization: `Bearer ${token}` }
}

function baseOf(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`The URL of the server must begin with http:// or https://, unlike "${text}".`)
  }
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`
}

function queryOf(query: Sent['query'] = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value))
  return params.size === 0 ? '' : `?${params}`
}

function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function messageOf(status: number, answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return `The server answered ${status}.`
  const { error, message, details, request_id } = answer as Record<string, unknown>
  const reasons = Array.isArray(details)
    ? details.map(({ path, reason }: { path?: unknown; reason?: unknown }) => `\n  ${path}: ${reason}`)
    : []
  return `${status} ${error}: ${message}${reasons.join('')}${request_id ? ` (request ${request_id})` : ''}`
}
