import { z } from 'zod'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Cursors are opaque to clients: the base64url of the last id shown. */
const cursor = z.string().transform((text, context) => {
  const id = Buffer.from(text, 'base64url').toString('latin1')
  if (UUID.test(id)) return id
  context.addIssue({ code: 'custom', message: 'is not a cursor of this list' })
  return z.NEVER
})

/** The query of every list: spread it into the list's own, which is strict: a filter with a slip in its name shows too much. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .default(20),
  cursor: cursor.optional(),
}

/** An RFC 3339 time in a query. */
export const timeQuery = z.iso.datetime({ offset: true }).transform((text) => new Date(text))

/**
 * Cuts rows, of which one more than `limit` was asked for, to a page.
 * @returns the page and the cursor of the next one, null at the end
 */
export function page<Row extends { id: string }>(
  rows: readonly Row[],
  limit: number,
): { rows: Row[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const next = rows.length > limit && last ? Buffer.from(last.id, 'latin1').toString('base64url') : null
  return { rows: shown, next_cursor: next }
}
