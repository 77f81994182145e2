import { z } from 'zod'
import { complaintsOf, PLAIN } from '../complaints.ts'
import type { Channel } from '../config.ts'
import { CHANNELS } from '../environment.ts'
import { parseSymbol } from '../events/symbol.ts'
import { hasSymbols, type StreamTarget } from '../streams/stream-name.ts'
import { CLOSE, type Refusal } from './close-codes.ts'
import { ConflateMs, Epoch, toWish, type Wish } from './wish.ts'

/** What a socket asked for in its URL. */
export interface Asked {
  /** Null on `/ws`, which only takes subscriptions, and where it publishes. */
  target: StreamTarget | null
  /** It is a producer's, and gets no stream. */
  publishes: boolean
  wish: Wish
  token: string | undefined
}

export const PUBLISH_PATH = '/ws/publish'
/** Its bytes must fit a close frame, with the rest of the reason. */
const LONGEST_NAME = 24
const number = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a number')
  .transform(Number)
const Query = z.strictObject({
  snapshot: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  since: number.optional(),
  epoch: Epoch.optional(),
  user_since: number.optional(),
  user_epoch: Epoch.optional(),
  conflate_ms: number.pipe(ConflateMs).optional(),
  token: z.string().optional(),
})

/** Reads `/ws[/{channel}[/{symbol}]]?token=&snapshot=&since=&epoch=&conflate_ms=`, the path as it arrived, percent-encoded. */
export function readStreamUrl(path: string, query: string): Asked | Refusal {
  const publishes = path === PUBLISH_PATH
  const target = publishes ? null : readPath(path)
  if (target !== null && 'code' in target) return target
  const parsed = Query.safeParse(Object.fromEntries(new URLSearchParams(query)), PLAIN)
  if (!parsed.success) return badRequest(complaint(parsed.error))
  const { snapshot, token, ...said } = parsed.data
  const wish = toWish({ ...said, snapshot: snapshot === undefined ? undefined : snapshot === 'true' }, target)
  if (typeof wish === 'string') return badRequest(wish)
  const needsStream = ['since', 'user_since', 'conflate_ms'].find((key) => key in said)
  if (target === null && needsStream) return badRequest(`${needsStream} needs a stream in the path`)
  return { target, publishes, wish, token }
}

function badRequest(reason: string): Refusal {
  return { code: CLOSE.badRequest, reason }
}

function complaint(error: z.ZodError): string {
  const [{ path, reason } = { path: 'the query', reason: 'is not valid' }] = complaintsOf(error, [], 'parameter')
  return path.length <= LONGEST_NAME ? `${path} ${reason}` : 'a parameter is not known'
}

function readPath(path: string): StreamTarget | Refusal | null {
  const parts = path.replace(/\/$/, '').split('/').slice(2)
  if (parts.length === 0) return null
  const [channel = '', encoded, ...others] = parts
  if (!isChannel(channel) || others.length > 0) return noSuchStream()
  if (!hasSymbols(channel)) return encoded === undefined ? { channel, symbol: null } : noSuchStream()
  const symbol = encoded === undefined ? null : parseSymbol(decode(encoded))
  if (symbol === null) return badRequest('the path needs a symbol, such as AAPL')
  return { channel, symbol }
}

export function isChannel(text: string): text is Channel {
  return CHANNELS.some((channel) => channel === text)
}

/** The text itself when it is not percent-encoded well: then it is no symbol either. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function noSuchStream(): Refusal {
  return { code: CLOSE.noSuchStream, reason: 'no such stream' }
}
