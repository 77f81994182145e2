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
