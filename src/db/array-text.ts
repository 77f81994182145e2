/*
 * Arrays as PostgreSQL reads them. The driver makes the same of a JavaScript array, but looks for what must be escaped in
 * every element of whatever kind, which for hundreds of rows is most of what a statement costs it.
 */

/** Of texts. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : quoted(value))).join(',')}}`
}

/** Of what needs no quotes: ids, times, numbers and truth values. */
export function plainArray(values: readonly (string | number | boolean)[]): string {
  return `{${values.join(',')}}`
}

function quoted(text: string): string {
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`
}
