import type { JsonValue } from './strict-json.ts'

/*
 * The canonical text is what Python's `json.dumps(value, sort_keys=True)` prints, so that a receiver who parses and dumps
 * again gets the bytes that were signed. Three things differ from `JSON.stringify`: keys are sorted by code point (UTF-16
 * order differs beyond the BMP), everything outside ASCII is escaped, and numbers are printed as Python does: whole ones as
 * their exact digits, exponents with two digits and a sign, exponent form from 1e16 for what Python holds as a float.
 *
 * The text is canonical when `json.dumps(json.loads(text), sort_keys=True)` gives it back. A whole number below 1e21 is
 * written as digits, which Python reads as an int; from 1e21 on as a float, as `JSON.stringify` does.
 */

/** The canonical text of a value that `parseStrictJson` let through. */
export function canonicalJson(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value)
    case 'number':
      return canonicalNumber(value)
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      if (value === null) return 'null'
      return Array.isArray(value) ? `[${value.map(canonicalJson).join(', ')}]` : canonicalObject(value)
  }
}

function canonicalObject(value: { [key: string]: JsonValue }): string {
  const members = sorted(Object.keys(value)).map(
    (key) => `${canonicalString(key)}: ${canonicalJson(value[key] ?? null)}`,
  )
  return `{${members.join(', ')}}`
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
const SHORT: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
}

function canonicalString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  return `"${text.replace(/["\\\x00-\x1f\x7f-\uffff]/g, escapeUnit)}"`
}

/** One UTF-16 unit: a character beyond the BMP becomes its two surrogates, as in Python. */
function escapeUnit(unit: string): string {
  return SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function canonicalNumber(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0.0' : String(value)
  const shortest = String(value)
  const exponentAt = shortest.indexOf('e')
  if (Number.isInteger(value)) return exponentAt === -1 ? BigInt(value).toString() : shortest
  // Python goes over to exponents below 1e-4, JavaScript below 1e-6.
  if (exponentAt === -1) return Math.abs(value) < 1e-4 ? smallFraction(shortest) : shortest
  return `${shortest.slice(0, exponentAt)}e${paddedExponent(Number(shortest.slice(exponentAt + 1)))}`
}

/** `0.0000123` as `1.23e-05`. */
function smallFraction(text: string): string {
  const sign = text.startsWith('-') ? '-' : ''
  const digits = text.slice(sign.length + 2)
  const significant = digits.replace(/^0+/, '')
  const exponent = -(digits.length - significant.length + 1)
  const rest = significant.slice(1)
  return `${sign}${significant[0]}${rest === '' ? '' : `.${rest}`}e${paddedExponent(exponent)}`
}

function paddedExponent(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** Without a comparison to call, the order is that of UTF-16, in a fraction of the time. */
function sorted(keys: string[]): string[] {
  return keys.some((key) => SURROGATE.test(key)) ? keys.sort(byCodePoint) : keys.sort()
}

const SURROGATE = /[\ud800-\udfff]/

/** UTF-16 order puts surrogates (beyond the BMP) before U+E000..U+FFFF; code point order puts them after. */
function byCodePoint(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index)
    const b = right.charCodeAt(index)
    if (a !== b) return rank(a) - rank(b)
  }
  return left.length - right.length
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
