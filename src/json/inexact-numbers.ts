/** A number of a JSON text that a double cannot hold, and where it stands (`a[0].b`; of names as long as they are). */
export interface InexactNumber {
  steps: readonly (string | number)[]
  literal: string
}

const STRINGS_AND_NUMBERS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[[\]{},]/g

/**
 * The text has been parsed, so it need not be checked again: strings are stepped over, and what is left that begins like a
 * number is one. Where a number stands is found out only when there is one to complain of.
 */
export function findInexactNumbers(text: string, most: number): InexactNumber[] {
  for (const [token] of text.matchAll(STRINGS_AND_NUMBERS)) {
    if (!token.startsWith('"') && isInexact(token)) return locate(text, most)
  }
  return []
}

/** Of each level that is open: the place in an array, the name in an object, or null in an object before a name. */
type Step = number | string | null

function locate(text: string, most: number): InexactNumber[] {
  const found: InexactNumber[] = []
  const steps: Step[] = []
  for (const [token] of text.matchAll(TOKENS)) {
    const last = steps.at(-1)
    if (token === '[') steps.push(0)
    else if (token === '{') steps.push(null)
    else if (token === ']' || token === '}') steps.pop()
    else if (token === ',') steps.splice(-1, 1, typeof last === 'number' ? last + 1 : null)
    else if (token.startsWith('"')) {
      if (last === null) steps.splice(-1, 1, token)
    } else if (isInexact(token)) {
      found.push({ steps: steps.map(nameOf), literal: token })
      if (found.length >= most) break
    }
  }
  return found
}

function nameOf(step: Step): string | number {
  return typeof step === 'string' ? JSON.parse(step) : (step ?? 0)
}

function isInexact(literal: string): boolean {
  const value = Number(literal)
  if (!Number.isFinite(value)) return true
  return /^-?\d+$/.test(literal) && !Number.isSafeInteger(value) && BigInt(literal) !== BigInt(value)
}
