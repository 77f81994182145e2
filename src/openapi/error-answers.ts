import { ERRORS, type ErrorCode } from './errors.ts'
import { OPENED } from './example-things.ts'
import type { HeaderName } from './headers.ts'
import type { Json } from './schema-of.ts'
import { referTo } from './shape.ts'
import { ErrorAnswer } from './shapes.ts'

/** The answers that say these errors, by status. @param headersOf the headers of an answer, `more` among them */
export function errorAnswers(
  codes: readonly ErrorCode[],
  headersOf: (more: readonly HeaderName[], status: number) => Json,
): Json {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) {
    const { status } = ERRORS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [status, answer(those, headersOf(said(status), status))]),
  )
}

function answer(codes: readonly ErrorCode[], headers: Json): Json {
  const examples = Object.fromEntries(codes.map((code) => [code, { value: envelope(code) }]))
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers,
    content: { 'application/json': { schema: referTo(ErrorAnswer), examples } },
  }
}

function said(status: number): HeaderName[] {
  if (status === 401) return ['WWW-Authenticate']
  return status === 429 || status === 503 ? ['Retry-After'] : []
}

function envelope(code: ErrorCode): Json {
  const error: { message: string; details?: unknown } = ERRORS[code]
  const at = { timestamp: OPENED, request_id: 'req_7f3a1c' }
  return { error: code, message: error.message, details: error.details ?? null, ...at }
}
