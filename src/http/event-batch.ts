import type { Context } from 'koa'
import { complaintsOf, PLAIN } from '../complaints.ts'
import { ApiError, badRequest, type Complaint, invalid, tooLarge } from '../errors.ts'
import { EventInput, isPlainEvent } from '../events/prepare-event.ts'
import { type JsonValue, parseStrictJson } from '../json/strict-json.ts'

const MOST_EVENTS = 1_000
/** What is wrong with a thousand events need not all be said at once. */
const MOST_COMPLAINTS = 50

/**
 * Reads a batch: a JSON array, or NDJSON when the content type says `application/x-ndjson`. All or nothing: each bad event
 * is named by its place (`[3].data.symbol`).
 * @throws ApiError 400 malformed, 413 over 1000 events or for one over 64 KiB, 422 with what is wrong
 */
export function readBatch<T>(ctx: Context, prepare: (input: EventInput) => T): T[] {
  const text: string = ctx.state['rawBody'].toString('utf8')
  const items = ctx.is('application/x-ndjson', 'application/ndjson') ? readLines(text) : readArray(text)
  if (items.length === 0) throw badRequest('empty_batch', 'The batch has no event.')
  if (items.length > MOST_EVENTS) throw tooLarge(`A batch has at most ${MOST_EVENTS} events.`)
  const complaints: Complaint[] = []
  const prepared: T[] = []
  for (const [index, item] of items.entries()) {
    try {
      prepared.push(prepare(parseEvent(item)))
    } catch (error) {
      complaints.push(...complaintsAbout(error, index))
      if (complaints.length >= MOST_COMPLAINTS) break
    }
  }
  if (complaints.length > 0)
    throw invalid(complaints.slice(0, MOST_COMPLAINTS), 'Nothing was stored: the batch does not validate.')
  return prepared
}

function readLines(text: string): JsonValue[] {
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }))
  const written = lines.filter(({ line }) => line.trim() !== '')
  if (written.length > MOST_EVENTS) throw tooLarge(`A batch has at most ${MOST_EVENTS} events.`)
  return written.map(({ line, number }, index) => {
    try {
      return parseStrictJson(line)
    } catch (error) {
      if (error instanceof ApiError && error.status === 422) throw invalid(complaintsAbout(error, index))
      if (error instanceof ApiError) throw badRequest(error.code, `Line ${number}: ${error.message}`)
      throw error
    }
  })
}

function readArray(text: string): JsonValue[] {
  const value = parseStrictJson(text)
  if (!Array.isArray(value)) throw badRequest('not_an_array', 'A batch is a JSON array of events, or NDJSON.')
  return value
}

function parseEvent(item: JsonValue): EventInput {
  if (isPlainEvent(item)) return item
  const parsed = EventInput.safeParse(item, PLAIN)
  if (parsed.success) return parsed.data
  throw invalid(complaintsOf(parsed.error))
}

function complaintsAbout(error: unknown, index: number): Complaint[] {
  if (!(error instanceof ApiError)) throw error
  if (error.status === 413) throw tooLarge(`[${index}]: ${error.message}`)
  if (!Array.isArray(error.details)) return [{ path: `[${index}]`, reason: error.message }]
  return error.details.map((detail: Complaint) => ({
    path: detail.path === '' ? `[${index}]` : `[${index}].${detail.path}`,
    reason: detail.reason,
  }))
}
