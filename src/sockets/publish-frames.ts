import { z } from 'zod'
import { complaintsOf, PLAIN } from '../complaints.ts'
import { ApiError, type Complaint } from '../errors.ts'
import { type JsonObject, type JsonValue, parseStrictJson } from '../json/strict-json.ts'
import { Message, Publication, readPlainMessage, toMessages } from '../streams/outgoing.ts'
import type { OutgoingMessage } from '../streams/publisher.ts'
import { FrameTag, LONGEST_ID, NOT_TEXT } from './client-frames.ts'

type FrameId = string | number | undefined

/** What a producer's frame says. */
export type PublishFrame =
  | { kind: 'publish'; id: FrameId; messages: OutgoingMessage[] }
  /** One of those that every socket knows. */
  | { kind: 'other' }
  | { kind: 'bad'; id: FrameId; code: string; message: string; details?: readonly Complaint[] }

const publish = { type: z.literal('publish').optional(), id: FrameTag }
/** Several messages, or the fields of one. */
export const producerFrames = {
  publish: z.union([
    z.strictObject({ ...publish, ...Publication.shape }),
    z.strictObject({ ...publish, ...Message.shape }),
  ]),
}

const OTHERS: readonly unknown[] = ['ping', 'pong', 'auth']

/**
 * Reads one message, `{id?, messages}`, or a frame of another type.
 * @param text null for a binary frame
 */
export function parsePublishFrame(text: string | null, now: Date): PublishFrame {
  if (text === null) return { kind: 'bad', id: undefined, ...NOT_TEXT }
  let id: FrameId
  let isSingle: boolean | undefined
  try {
    const frame = parseStrictJson(text)
    if (!isObject(frame)) return bad(undefined, 'bad_frame', 'The frame must be an object.')
    const { type, id: given } = frame
    if (OTHERS.includes(type)) return { kind: 'other' }
    if (given !== undefined && !isId(given))
      return bad(undefined, 'bad_frame', `id: must be a number or a text of at most ${LONGEST_ID} characters`)
    id = given
    if (type !== undefined && type !== 'publish') {
      return bad(id, 'bad_frame', 'This socket publishes. It knows no such type.')
    }
    const rest = publicationOf(frame)
    isSingle = !('messages' in rest)
    const plain = isSingle ? readPlainMessage(rest) : null
    if (plain) return { kind: 'publish', id, messages: toMessages({ messages: [plain] }, now) }
    const parsed = Publication.safeParse(isSingle ? { messages: [rest] } : rest, PLAIN)
    if (!parsed.success) return invalid(id, complaintsOf(parsed.error), isSingle)
    return { kind: 'publish', id, messages: toMessages(parsed.data, now) }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    // The frame could not be read.
    isSingle ??= !text.includes('"messages"')
    if (Array.isArray(error.details)) return invalid(id, error.details, isSingle)
    return bad(id, error.code, placed(error.message, isSingle).replace('The body', 'The frame'))
  }
}

/** The frame without what belongs to the frame alone; copied only where there is such. */
function publicationOf(frame: JsonObject): JsonObject {
  if (!('type' in frame) && !('id' in frame)) return frame
  const { type, id, ...publication } = frame
  return publication
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: JsonValue): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= LONGEST_ID)
}

function invalid(id: FrameId, details: readonly Complaint[], isSingle: boolean): PublishFrame {
  const named = details.map(({ path, reason }) => ({
    path: placed(path, isSingle),
    reason,
  }))
  return {
    ...bad(id, 'validation_failed', 'The frame does not validate. Nothing of it was published.'),
    details: named,
  }
}

/** Of one message alone nobody knows the list that it is read as. */
function placed(text: string, isSingle: boolean): string {
  return isSingle ? text.replace(/^messages\.0\.?/, '') : text
}

function bad(id: FrameId, code: string, message: string): Extract<PublishFrame, { kind: 'bad' }> {
  return { kind: 'bad', id, code, message }
}
