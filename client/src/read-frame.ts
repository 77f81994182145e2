import type { StreamEvents } from './client-events.ts'
import type { Emitter } from './emitter.ts'
import type { ServerFrame, Subscribed } from './server-frames.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Watches } from './watches.ts'

export interface FrameReaders {
  subscriptions: Subscriptions
  watches: Watches
  emitter: Emitter<StreamEvents>
}

/** Brings a frame to what it is about; those about the connection itself are the client's. */
export function readFrame(frame: ServerFrame, { subscriptions, watches, emitter }: FrameReaders): void {
  switch (frame.type) {
    case 'prediction_update':
    case 'market_data_update':
    case 'alert':
      subscriptions.received(frame)
      break
    case 'subscribed':
      if (frame.channel === undefined) subscriptions.joined(frame as Subscribed)
      break
    case 'gap':
      if (!('missed' in frame)) subscriptions.missed(frame)
      else emitter.emit('gap', { channel: 'deliveries', symbol: null, from: 1, to: frame.missed })
      break
    case 'restored':
      subscriptions.restored()
      emitter.emit('restored', frame)
      break
    case 'degraded':
      emitter.emit('degraded', frame)
      break
    case 'authenticated':
      for (const stream of frame.subscriptions ?? []) subscriptions.joinedOwn(stream)
      for (const refusal of frame.dropped ?? []) subscriptions.dropped(refusal)
      break
    case 'delivery_attempt':
      watches.received(frame)
      break
    case 'error':
      if (!watches.refused(frame)) emitter.emit('error', { code: frame.code, message: frame.message })
  }
}
