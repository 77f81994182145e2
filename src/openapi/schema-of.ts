import { z } from 'zod'

export type Json = Record<string, unknown>

/** The JSON Schema of what a schema takes, or of what it makes. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): Json {
  return withoutIds(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json)
}

/** Without the names that a document gives it itself. */
export function withoutIds({ $schema: _, $id: __, id: ___, ...schema }: Json): Json {
  return schema
}

/** `post`, `api`, `keys`: postApiKeys. */
export function camelCase([first = '', ...others]: readonly string[]): string {
  return first + others.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
}
