import { endSession, session } from '../session/session.ts'

/** What the server refused, in its own words, or that it could not be reached. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly details: readonly { path: string; reason: string }[]
  readonly requestId: string | null

  constructor(status: number, body: Partial<Envelope>) {
    super(body.message ?? `The server answered ${status}.`)
    this.status = status
    this.code = body.error ?? 'unknown'
    this.details = Array.isArray(body.details) ? body.details : []
    this.requestId = body.request_id ?? null
  }
}

interface Envelope {
  error: string
  message: string
  details: unknown
  request_id: string
}

export interface Asking {
  body?: unknown
  query?: Record<string, string | number | undefined>
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Of a token that is being tried, before there is a session. */
  token?: string
}

/** @throws ApiError, with status 0 when there was no answer */
export async function ask<Answer>(method: string, path: string, asking: Asking = {}): Promise<Answer> {
  const { body, signal, token = session.value?.token } = asking
  let response: Response
  try {
    response = await fetch(path + queryText(asking.query), {
      method,
      credentials: 'omit',
      cache: 'no-store',
      headers: {
        ...(token === undefined
          ? {}
          : token.startsWith('ara_')
            ? { 'X-API-Key': token }
            : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...asking.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, { error: 'unreachable', message: 'The server cannot be reached.' })
  }
  const text = await response.text()
  const answer = text === '' ? undefined : parse(text)
  if (response.ok) return answer as Answer
  if (response.status === 401 && asking.token === undefined && session.value)
    endSession('Your session has ended. Sign in again.')
  throw new ApiError(response.status, (answer ?? {}) as Partial<Envelope>)
}

function queryText(query: Asking['query']): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
