import { publicId } from '../ids.ts'
import type { WatchFrame } from './client-frames.ts'
import type { DeliveryWatch } from './delivery-watch.ts'
import type { Subscriber } from './subscriber.ts'

/** Answers `subscribe` and `unsubscribe` of the channel `deliveries`. */
export async function answerWatch(subscriber: Subscriber, frame: WatchFrame, watch: DeliveryWatch): Promise<void> {
  const { webhookId, withRequest } = frame
  const about = {
    ...(frame.id === undefined ? {} : { id: frame.id }),
    channel: 'deliveries',
    webhook_id: webhookId === null ? null : publicId('wh', webhookId),
  }
  if (frame.subscribes) {
    const refusal = await watch.begin(subscriber, { webhookId, withRequest })
    return subscriber.send(refusal ? { type: 'error', ...about, ...refusal } : { type: 'subscribed', ...about })
  }
  if (watch.end(subscriber, webhookId)) return subscriber.send({ type: 'unsubscribed', ...about })
  subscriber.send({ type: 'error', ...about, code: 'not_subscribed', message: 'There is no such subscription.' })
}
