import { z } from 'zod'
import { PLAIN } from '../complaints.ts'
import { CHANNELS } from '../environment.ts'
import { parseSymbol } from '../events/symbol.ts'
import { parseId } from '../ids.ts'
import { hasSymbols, type StreamTarget, WILDCARD, WILDCARD_CHANNEL } from '../streams/stream-name.ts'
import { isChannel } from './stream-path.ts'
import { ConflateMs, Epoch, toWish, type Wish } from './wish.ts'

/** What a client may send. */
export type ClientFrame =
  | { type: 'pong' }
  | { type: 'ping' }
  | { type: 'auth'; token: string; id: string | number | undefined }
  | { type: 'subscribe' | 'unsubscribe'; asked: AskedSubscription[]; several: boolean; id: string | number | undefined }
  | WatchFrame

/** Of the channel `deliveries`, which is no stream: it names a webhook or, with null, all of the user's own. */
export interface WatchFrame {
  type: 'watch'
  subscribes: boolean
  webhookId: string | null
  withRequest: boolean
  id: string | number | undefined
}

/** One entry as it was sent; `target` is null when there is no such stream. */
export interface AskedSubscription {
  channel: string
  symbol: string | null
  wish: Wish
  target: StreamTarget | null
}

export interface FrameError {
  code: string
  message: string
}

/** Why a frame is none, with the `id` that it has all the same. */
export type BadFrame = FrameError & { id?: string | number }

const MOST_AT_ONCE = 1000
const LONGEST_TOKEN = 8192
export const LONGEST_ID = 128
/** What a client calls a frame, and finds in its answer. */
export const FrameTag = z
  .union([z.string().max(LONGEST_ID), z.number()], {
    error: `must be a number or a text of at most ${LONGEST_ID} characters`,
  })
  .optional()
const id = FrameTag
const number = z.int().min(0)
const entry = {
  channel: z.string().max(64).optional(),
  symbol: z.string().max(64).nullish(),
  snapshot: z.boolean().optional(),
  since: number.optional(),
  epoch: Epoch.optional(),
  user_since: number.optional(),
  user_epoch: Epoch.optional(),
  conflate_ms: ConflateMs.optional(),
}
type Entry = z.infer<z.ZodObject<typeof entry>>
const subscribing = <Type extends 'subscribe' | 'unsubscribe'>(type: Type) =>
  z.object({
    type: z.literal(type),
    ...entry,
    webhook_id: z.string().max(64).nullish(),
    include: z.literal('request').optional(),
    subscriptions: z.array(z.object(entry)).min(1).max(MOST_AT_ONCE).optional(),
    id,
  })

/** What clients send, by type: it validates, and the document that describes the streams is made of it. */
export const clientFrames = {
  pong: z.object({ type: z.literal('pong') }),
  ping: z.object({ type: z.literal('ping') }),
  auth: z.object({ type: z.literal('auth'), token: z.string().max(LONGEST_TOKEN), id }),
  subscribe: subscribing('subscribe'),
  unsubscribe: subscribing('unsubscribe'),
}
const { pong, ping, auth, subscribe, unsubscribe } = clientFrames
const Frame = z.discriminatedUnion('type', [pong, ping, auth, subscribe, unsubscribe])

export const NOT_TEXT: FrameError = { code: 'bad_frame', message: 'Frames are text.' }

/**
 * @param text null for a binary frame
 * @param defaultChannel the channel of the socket's path
 */
export function parseClientFrame(text: string | null, defaultChannel: string | undefined): ClientFrame | BadFrame {
  if (text === null) return NOT_TEXT
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { code: 'malformed_json', message: 'The frame is not JSON.' }
  }
  const parsed = Frame.safeParse(value, PLAIN)
  const frame = parsed.success
    ? toClientFrame(parsed.data, defaultChannel)
    : { code: 'bad_frame', message: complaint(parsed.error) }
  return 'code' in frame ? { ...tagOf(value), ...frame } : frame
}

function tagOf(value: unknown): { id?: string | number } {
  const { data: tag } = FrameTag.safeParse(Object(value).id)
  return tag === undefined ? {} : { id: tag }
}

function toClientFrame(frame: z.infer<typeof Frame>, defaultChannel: string | undefined): ClientFrame | FrameError {
  if (frame.type === 'ping' || frame.type === 'pong') return { type: frame.type }
  if (frame.type === 'auth') return { type: 'auth', token: frame.token, id: frame.id }
  if (frame.channel === 'deliveries' && frame.subscriptions === undefined) return toWatch(frame)
  const asked: AskedSubscription[] = []
  for (const one of frame.subscriptions ?? [frame]) {
    const read = toAsked(one, defaultChannel)
    if (typeof read === 'string') return { code: 'bad_frame', message: read }
    asked.push(read)
  }
  return { type: frame.type, several: frame.subscriptions !== undefined, id: frame.id, asked }
}

function toWatch(frame: {
  type: string
  webhook_id?: string | null | undefined
  include?: 'request' | undefined
  id?: string | number | undefined
}): WatchFrame | FrameError {
  const webhookId = frame.webhook_id == null ? null : parseId('wh', frame.webhook_id)
  if (frame.webhook_id != null && webhookId === null) {
    return { code: 'no_such_webhook', message: 'There is no such webhook.' }
  }
  const withRequest = frame.include === 'request'
  return { type: 'watch', subscribes: frame.type === 'subscribe', webhookId, withRequest, id: frame.id }
}

function toAsked(entry: Entry, defaultChannel: string | undefined): AskedSubscription | string {
  const { channel = defaultChannel ?? '', symbol = null } = entry
  const target = toTarget(channel, symbol)
  const wish = toWish(entry, target)
  return typeof wish === 'string' ? wish : { channel, symbol, wish, target }
}

function toTarget(channel: string, symbol: string | null): StreamTarget | null {
  if (!isChannel(channel)) return null
  if (!hasSymbols(channel)) return symbol === null ? { channel, symbol: null } : null
  if (symbol === WILDCARD) return channel === WILDCARD_CHANNEL ? { channel, symbol } : null
  const parsed = symbol === null ? null : parseSymbol(symbol)
  return parsed === null ? null : { channel, symbol: parsed }
}

/** Why an entry names no stream. */
export function whyNoStream({ channel, symbol }: AskedSubscription): string {
  if (channel === '') return `The subscription needs a channel: ${CHANNELS.join(', ')}.`
  if (!isChannel(channel)) return `There is no such channel, but ${CHANNELS.join(', ')}.`
  if (!hasSymbols(channel)) return `The channel ${channel} has no symbols.`
  if (symbol === WILDCARD) return `Only ${WILDCARD_CHANNEL} takes the wildcard.`
  return `The channel ${channel} needs a symbol, such as AAPL.`
}

function complaint(error: z.ZodError): string {
  const [issue] = error.issues
  if (!issue) return 'The frame is not known.'
  return issue.path.length === 0
    ? 'The frame must be an object with a known type.'
    : `${issue.path.join('.')}: ${issue.message}`
}
