import { z } from 'zod'
import { ApiError, type Complaint, invalid, tooLarge } from '../errors.ts'
import { validateEventData } from '../events/catalogue.ts'
import { parseSymbol, symbolSchema } from '../events/symbol.ts'
import { canonicalJson } from '../json/canonical-json.ts'
import type { JsonObject, JsonValue } from '../json/strict-json.ts'
import type { OutgoingMessage } from './publisher.ts'

const MOST_MESSAGES = 1000
/** As for events: what fits a frame that every client library accepts. */
const LARGEST_DATA = 64 * 1024
/** As for events: an offset may lead out of the years that RFC 3339 has. */
const RFC_3339_YEAR = /^(?!0000)\d{4}-/

export const Message = z.strictObject({
  channel: z.enum(['market-data', 'predictions'], { error: 'must be market-data or predictions' }),
  symbol: symbolSchema,
  data: z.record(
    z.string(),
    z.custom<JsonValue>(() => true),
  ),
  timestamp: z.iso.datetime({ offset: true }).optional(),
})

export const Publication = z.strictObject({ messages: z.array(Message).min(1).max(MOST_MESSAGES) })
export type Publication = z.infer<typeof Publication>

/** A day that its month has in every year, at a time of the day in UTC; the schema knows the others. */
const PLAIN_TIMESTAMP =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/

/**
 * Reads one message as most of them are, much sooner than the schema does, with the same result.
 * @returns null when only the schema can tell whether it is one
 */
export function readPlainMessage(value: JsonObject): Publication['messages'][number] | null {
  for (const name in value) {
    if (name !== 'channel' && name !== 'symbol' && name !== 'data' && name !== 'timestamp') return null
  }
  const { channel, data, timestamp } = value
  if (channel !== 'market-data' && channel !== 'predictions') return null
  const symbol = typeof value['symbol'] === 'string' ? parseSymbol(value['symbol']) : null
  if (symbol === null || typeof data !== 'object' || data === null || Array.isArray(data)) return null
  if (timestamp === undefined) return { channel, symbol, data }
  if (typeof timestamp !== 'string' || !PLAIN_TIMESTAMP.test(timestamp)) return null
  return { channel, symbol, data, timestamp }
}

/**
 * Validates what a producer publishes; predictions are checked and completed like the data of `prediction_complete`.
 * @throws ApiError 422 that names what is wrong with each message, 413 for data over 64 KiB
 */
export function toMessages(publication: Publication, now: Date): OutgoingMessage[] {
  const complaints: Complaint[] = []
  const nowText = now.toISOString()
  const messages = publication.messages.map((message, index): OutgoingMessage => {
    const data = message.channel === 'predictions' ? completed(message, index, complaints) : message.data
    const text = dataText(data)
    if (isOver(text, LARGEST_DATA)) {
      throw tooLarge(`messages.${index}.data has more than ${LARGEST_DATA} bytes.`)
    }
    const timestamp = message.timestamp === undefined ? nowText : new Date(message.timestamp).toISOString()
    if (!RFC_3339_YEAR.test(timestamp)) {
      complaints.push({ path: `messages.${index}.timestamp`, reason: 'must be in the years 0001 to 9999' })
    }
    return { channel: message.channel, symbol: message.symbol, data: text, timestamp }
  })
  if (complaints.length > 0) throw invalid(complaints)
  return messages
}

/** Whether a text takes more bytes in UTF-8; a UTF-16 unit takes three at most, so short ones need not be counted. */
function isOver(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}

/**
 * `JSON.stringify` rounds whole numbers beyond 2^53, which have 16 digits or more, and drops the sign of -0. Most messages have
 * neither.
 */
function dataText(data: JsonObject): string {
  const text = JSON.stringify(data)
  const isExact = !/\d{16}/.test(text) && !(/[:[,]0[\]},]/.test(text) && holdsNegativeZero(data))
  return isExact ? text : canonicalJson(data)
}

function holdsNegativeZero(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0)
  return Object.values(value).some(holdsNegativeZero)
}

function completed(message: Publication['messages'][number], index: number, complaints: Complaint[]): JsonObject {
  const given = { symbol: message.symbol, ...message.data }
  try {
    const { data, symbol } = validateEventData('prediction_complete', given)
    if (symbol === message.symbol) return data
    complaints.push({ path: `messages.${index}.data.symbol`, reason: `is not the message's symbol ${message.symbol}` })
  } catch (error) {
    if (!(error instanceof ApiError) || !Array.isArray(error.details)) throw error
    for (const { path, reason } of error.details) complaints.push({ path: `messages.${index}.${path}`, reason })
  }
  return given
}
