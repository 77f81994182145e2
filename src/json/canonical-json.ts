import type { JsonValue } from './strict-json.ts'

/** Placeholder until the writer lands. */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(value)
}
