import { badRequest, type Complaint, invalid } from '../errors.ts'
import { findInexactNumbers, type InexactNumber } from './inexact-numbers.ts'

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/*
 * JSON (RFC 8259) that means the same to everybody who reads it later: to a double, to PostgreSQL's text and to Python.
 * What another reader would round, drop or choke on is refused here, never changed. The text is parsed by `JSON.parse`; one
 * regular expression over it finds the suspects (long numbers, escapes and names that matter), and only then is it walked.
 *
 * Of two members with one name the last one wins, as in `JSON.parse` and in Python.
 */

const DEEPEST = 64
/** A hostile body must not be answered with a much larger list. */
const MOST_COMPLAINTS = 50
const LONGEST_NAME = 100
const LONGEST_LITERAL = 40

/** Digits enough to be inexact or infinite, an exponent, or an escape that may hide NUL, a surrogate or `__proto__`. */
const SUSPECT = /\d{16}|\d[eE]\+?\d{3}|\\u|__proto__|[\ud800-\udfff]/

/**
 * @throws ApiError 400 `malformed_json`; 422 for integers that a double cannot hold exactly, non-finite numbers, more than 64
 * levels, a `__proto__` member, NUL and lone surrogates, with the path of each
 */
export function parseStrictJson(text: string): JsonValue {
  const value = parse(text)
  const complaints: Complaint[] = []
  const isSuspect = SUSPECT.test(text)
  if (isSuspect) complaints.push(...findInexactNumbers(text, MOST_COMPLAINTS).map(complaintOf))
  if (isSuspect || !isWithin(value, DEEPEST)) walk(value, '', 1, complaints)
  if (complaints.length > 0) throw invalid(complaints.slice(0, MOST_COMPLAINTS))
  return value
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(
      'malformed_json',
      `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function complaintOf({ steps, literal }: InexactNumber): Complaint {
  const shown = literal.length > LONGEST_LITERAL ? `${literal.slice(0, LONGEST_LITERAL)}…` : literal
  // Deeper ones are refused for their depth, and their paths would be long.
  const path = steps.length > DEEPEST ? '' : steps.reduce(pathTo, '')
  return { path, reason: `${shown} cannot be held exactly` }
}

function pathTo(path: string, step: string | number): string {
  if (typeof step === 'number') return `${path}[${step}]`
  const name = step.length > LONGEST_NAME ? `${step.slice(0, LONGEST_NAME)}…` : step
  return path === '' ? name : `${path}.${name}`
}

const BAD_TEXT = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

function isWithin(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  if (Array.isArray(value)) return value.every((item) => isWithin(item, levels - 1))
  for (const name in value) if (!isWithin(value[name] ?? null, levels - 1)) return false
  return true
}

function walk(value: JsonValue, path: string, depth: number, complaints: Complaint[]): void {
  if (typeof value === 'string') {
    if (BAD_TEXT.test(value)) complaints.push({ path, reason: 'holds NUL or half of a surrogate pair' })
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (depth > DEEPEST) {
    complaints.push({ path: '', reason: `is nested over ${DEEPEST} levels` })
    return
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walk(item, pathTo(path, index), depth + 1, complaints)
    return
  }
  for (const key of Object.keys(value)) {
    const inner = pathTo(path, key)
    if (key === '__proto__') complaints.push({ path: inner, reason: 'is not an allowed name' })
    if (BAD_TEXT.test(key)) complaints.push({ path: inner, reason: 'is a name with NUL or half of a surrogate pair' })
    walk(value[key] ?? null, inner, depth + 1, complaints)
  }
}
