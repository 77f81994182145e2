import { z } from 'zod'

export type Json = Record<string, unknown>

/** Ids as the document shows them; they name nothing. */
export const ID_EXAMPLES: Record<string, string> = {
  webhook: 'wh_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a11',
  event: 'evt_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a12',
  delivery: 'dlv_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a13',
  recovery: 'rcv_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a14',
  key: 'key_019e8a5c-7b1e-7c44-9a53-2f1d1c0b7a15',
  user: 'alice',
}

/** The JSON Schema of what a schema takes, or of what it makes. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): Json {
  return withoutIds(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json)
}

export function withoutIds({ $schema: _, $id: __, id: ___, ...schema }: Json): Json {
  return schema
}
