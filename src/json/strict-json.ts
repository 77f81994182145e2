export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** Placeholder until the scanner lands. */
export function parseStrictJson(text: string): JsonValue {
  return JSON.parse(text)
}
