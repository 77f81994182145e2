import type { Knex } from 'knex'
import { uuidTime } from '../ids.ts'

/**
 * Cuts a list to a span of time by the time inside its UUIDv7 ids, which PostgreSQL turns into the few day partitions that
 * can hold it, and to what stands before a cursor.
 */
export function idBounds(
  query: Knex.QueryBuilder,
  column: string,
  span: { since?: Date | undefined; until?: Date | undefined; before?: string | undefined },
): void {
  if (span.since !== undefined) query.where(column, '>=', lowestIdAt(span.since))
  if (span.until !== undefined) query.where(column, '<', lowestIdAt(span.until))
  if (span.before !== undefined) query.where(column, '<', span.before)
}

/** The smallest UUID of a millisecond. */
export function lowestIdAt(at: Date): string {
  const hex = Math.max(0, at.getTime()).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

/**
 * The least and the greatest of some ids: a condition on their range keeps a join out of the partitions of other days.
 * Text of one case sorts as PostgreSQL sorts uuids.
 */
export function idRange(ids: readonly string[]): [least: string, greatest: string] {
  let [least = '', greatest = ''] = [ids[0], ids[0]]
  for (const id of ids) {
    if (id < least) least = id
    if (id > greatest) greatest = id
  }
  return [least, greatest]
}

/** The ids from `ms` before the time in one to `ms` after the time in another. */
export function idsAround(first: string, last: string, ms: number): [least: string, beyond: string] {
  return [lowestIdAt(new Date(uuidTime(first) - ms)), lowestIdAt(new Date(uuidTime(last) + ms))]
}
