import type { Channel } from '../config.ts'
import type { Gap } from './backplane.ts'
import type { OutgoingMessage } from './publisher.ts'
import { streamName } from './stream-name.ts'

/** A message before it has a number: its frame is `head + seq + tail`, so that whoever numbers it need not know JSON. */
export interface UnnumberedFrame {
  stream: string
  head: string
  tail: string
}

const TYPES: Record<Channel, string> = {
  predictions: 'prediction_update',
  'market-data': 'market_data_update',
  alerts: 'alert',
}

/** Writes a message's JSON text once, for every socket that will get it. */
export function unnumberedFrame(message: OutgoingMessage): UnnumberedFrame {
  const symbol = message.symbol === null ? '' : `"symbol":"${message.symbol}",`
  const event = message.eventId === undefined ? '' : `,"event_id":"${message.eventId}"`
  const scope = message.userId === undefined ? '' : ',"scope":"user"'
  const late = message.late === true ? ',"late":true' : ''
  return {
    stream: streamName(message, message.userId),
    head: `{"type":"${TYPES[message.channel]}",${symbol}"data":${message.data},"timestamp":"${message.timestamp}","seq":`,
    tail: `${event}${scope}${late}}`,
  }
}

/** The last message of a stream, marked as state that was there before the subscriber came. */
export function snapshotOf(frame: string): string {
  return `${frame.slice(0, -1)},"snapshot":true}`
}

/** The newest message of an interval, when there were others in it. */
export function conflatedFrame(frame: string): string {
  return `${frame.slice(0, -1)},"conflated":true}`
}

/** What tells the subscribers of a stream that messages cannot be had. */
export function gapFrame({ stream, from, to, epoch, seq }: Gap): string {
  const [shared = '', user] = stream.split('@')
  const [channel, symbol = null] = shared.split('/')
  const scope = user === undefined ? {} : { scope: 'user' }
  return JSON.stringify({ type: 'gap', channel, symbol, from, to, epoch, seq, ...scope })
}

/** Where a stream stands after a frame; null for frames that do not move it, such as snapshots. */
export interface FramePosition {
  isOwn: boolean
  seq: number
  /** Only where the numbering has begun anew. */
  epoch?: string
}

/** Reads what the functions above have written: `seq` is the last field of its name, since only marks come after it. */
export function positionAfter(frame: string): FramePosition | null {
  if (frame.startsWith('{"type":"gap"')) {
    const { seq, epoch, scope } = JSON.parse(frame)
    return { isOwn: scope === 'user', seq, epoch }
  }
  const isMessage = STREAMED.some((start) => frame.startsWith(start))
  if (!isMessage || frame.endsWith(SNAPSHOT)) return null
  const at = frame.lastIndexOf(SEQ) + SEQ.length
  return { isOwn: frame.includes('"scope":"user"', at), seq: Number.parseInt(frame.slice(at, at + 16), 10) }
}

const SEQ = '"seq":'
const SNAPSHOT = '"snapshot":true}'
const STREAMED = Object.values(TYPES).map((type) => `{"type":"${type}",`)
