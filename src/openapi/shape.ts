import { z } from 'zod'

/*
 * What the API answers, as schemas for its document. A test holds every answer against them, and none of them takes a field it
 * does not name, so a presenter that changes has to change its shape too.
 */

/** The shapes that have a name in the document. */
export const shapes = z.registry<{ id: string }>()

export function named<Shape extends z.ZodType>(id: string, shape: Shape): Shape {
  shapes.add(shape, { id })
  return shape
}

export const time = z.iso.datetime()
export const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-9a-f-]{36}$`))
export const headers = z.record(z.string(), z.union([z.string(), z.array(z.string())]))
export const nextCursor = z.string().nullable().describe('Pass it as `cursor` for the next page; null at the end.')

/** Of a shape that has a name. */
export function referTo(shape: z.ZodType): { $ref: string } {
  const known = shapes.get(shape)
  if (!known) throw new Error('A shape of an answer has no name')
  return { $ref: pointer(known.id) }
}

export function pointer(id: string): string {
  return `#/components/schemas/${id}`
}
