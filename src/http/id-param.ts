import { z } from 'zod'
import { notFound } from '../errors.ts'
import { type IdPrefix, parseId } from '../ids.ts'

/** An id in a path, as its uuid. One that is not well-formed cannot exist: 404, like any other that does not. */
export function idParam(prefix: IdPrefix, what: string) {
  return z.string().transform((text): string => {
    const uuid = parseId(prefix, text)
    if (uuid === null) throw notFound(what)
    return uuid
  })
}
