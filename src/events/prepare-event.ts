import { z } from 'zod'
import { invalid } from '../errors.ts'
import { userIdSchema } from '../identity/claims.ts'
import { parseId, publicId, uuidTime, uuidv7 } from '../ids.ts'
import type { JsonValue } from '../json/strict-json.ts'
import { canonicalEvent, catalogue, PUBLISHED_TYPES, publishedType, validateEventData } from './catalogue.ts'
import type { NewEvent } from './new-event.ts'

/** `POST /api/v1/events`: what a producer sends. */
export const EventInput = z.strictObject({
  event_type: publishedType,
  data: z.record(
    z.string(),
    z.custom<JsonValue>(() => true),
  ),
  event_id: z.string().optional(),
  timestamp: z.iso.datetime({ offset: true }).optional(),
  user_id: userIdSchema.optional(),
})
export type EventInput = z.infer<typeof EventInput>

/** Whether it is what `EventInput` lets through as it is: a type and data, and perhaps an id. */
export function isPlainEvent(given: unknown): given is EventInput {
  if (!isObject(given)) return false
  for (const name in given) if (!PLAIN_FIELDS.has(name)) return false
  const { event_type, data, event_id } = given
  return PUBLISHED.has(event_type) && isObject(data) && (event_id === undefined || typeof event_id === 'string')
}

const PLAIN_FIELDS: ReadonlySet<string> = new Set(['event_type', 'data', 'event_id'])
const PUBLISHED: ReadonlySet<unknown> = new Set(PUBLISHED_TYPES)

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface PreparedEvent {
  stored: NewEvent
  answer: { event_id: string; event_type: string; timestamp: string }
}

const DAY_MS = 86_400_000

/**
 * Validates and completes an event, gives it its id and time, and writes its canonical text.
 * @throws ApiError 422 with what is wrong, 413 when its canonical text is over 64 KiB
 */
export function prepareEvent(input: EventInput, publishedBy: string, now: Date): PreparedEvent {
  const id = input.event_id === undefined ? uuidv7(now.getTime()) : ownId(input.event_id, now)
  const timestamp = input.timestamp === undefined ? now.toISOString() : ownTimestamp(input.timestamp)
  const { data, symbol } = validateEventData(input.event_type, input.data)
  const answer = { event_id: publicId('evt', id), event_type: input.event_type, timestamp }
  const stored: NewEvent = {
    id,
    type: input.event_type,
    symbol,
    userId: input.user_id ?? null,
    canonical: canonicalEvent({ data, ...answer }),
    timestamp,
    publishedBy,
    streamed: catalogue[input.event_type].stream !== undefined,
  }
  return { stored, answer }
}

/** In UTC. RFC 3339 ends with the year 9999, PostgreSQL has no year 0, and an offset may lead to either. */
function ownTimestamp(text: string): string {
  const timestamp = new Date(text).toISOString()
  if (!/^(?!0000)\d{4}-/.test(timestamp)) {
    throw invalid([{ path: 'timestamp', reason: 'must be in the years 0001 to 9999' }])
  }
  return timestamp
}

function ownId(text: string, now: Date): string {
  const id = parseId('evt', text)
  if (id === null) throw invalid([{ path: 'event_id', reason: 'must be evt_ and a UUIDv7 in lower case' }])
  if (Math.abs(uuidTime(id) - now.getTime()) > DAY_MS) {
    throw invalid([{ path: 'event_id', reason: 'must have been made within 24 hours of now' }])
  }
  return id
}
