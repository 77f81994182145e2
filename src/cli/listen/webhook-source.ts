import type { DeliveryAttempt } from '../../../client/src/server-frames.ts'
import type { StreamClient } from '../../../client/src/stream-client.ts'
import { readPages } from '../pages.ts'
import { RefusedByServer, type Server } from '../server.ts'
import { type Delivery, type DeliveryWithAttempts, pathOf } from '../webhooks/answers.ts'
import { eventText, type PresentedEvent } from './event-text.ts'
import type { Follower, Source } from './follower.ts'
import type { Forwardable } from './forward.ts'

/** What the stream leaves out without telling, as when a process ended, is found within this. */
const LOOK_EVERY_MS = 5_000
const MOST = Number.POSITIVE_INFINITY

/** The deliveries of one webhook. */
export function webhookSource(server: Server, webhookId: string): Source<Forwardable> {
  const path = pathOf(webhookId, '/deliveries')
  return {
    everyMs: LOOK_EVERY_MS,
    now: () => server.now,
    async list(since) {
      const query = { since: new Date(since).toISOString() }
      const { rows } = await readPages<Delivery>(server, path, { name: 'deliveries', most: MOST, query })
      return rows.map((delivery) => ({
        id: delivery.id,
        createdAt: Date.parse(delivery.created_at),
        read: () => read(server, `${path}/${delivery.id}`),
      }))
    },
  }
}

/** Tells the follower of each attempt as it is made, and when some may have been left out. */
export function watchWebhook(client: StreamClient, webhookId: string, follower: Follower<Forwardable>): void {
  client.watchDeliveries({ webhookId, include: 'request' }, (attempt) => {
    const body = attempt.request?.body
    if (body) follower.heard(forwardable(attempt, body))
    else follower.look()
  })
  client.on('frame', (frame) => {
    const begins = frame.type === 'subscribed' || frame.type === 'gap'
    if (begins && frame.channel === 'deliveries') follower.look()
  })
}

/** @returns null when it is gone */
async function read(server: Server, path: string): Promise<Forwardable | null> {
  try {
    const delivery = await server.call<DeliveryWithAttempts>('GET', path)
    const sent = delivery.attempts[0]?.request.body
    if (sent) return forwardable(delivery, sent)
    // None was made yet, as while the webhook is held back.
    const event = await server.call<PresentedEvent>('GET', `/api/v1/events/${delivery.event_id}`)
    return forwardable(delivery, eventText(event))
  } catch (error) {
    if (error instanceof RefusedByServer && error.status === 404) return null
    throw error
  }
}

function forwardable(delivery: Delivery | DeliveryAttempt, body: string): Forwardable {
  const { id, event_id, event_type, created_at, test } = delivery
  return { id, eventId: event_id, eventType: event_type, createdAt: Date.parse(created_at), body, test }
}
