import { BackplaneAway } from '../streams/publisher.ts'
import { CLOSE } from './close-codes.ts'
import { MOST_MESSAGES_UNDER_WAY } from './producers.ts'
import type { Subscriber } from './subscriber.ts'

/** The first frame of a socket, then what its path subscribes to. */
export async function welcome(subscriber: Subscriber, heartbeatSeconds: number): Promise<void> {
  const { asked } = subscriber
  const hello = {
    connection_id: subscriber.connectionId,
    timestamp: new Date().toISOString(),
    heartbeat_seconds: heartbeatSeconds,
  }
  if (asked.publishes) {
    return subscriber.send({ type: 'connected', ...hello, max_messages_under_way: MOST_MESSAGES_UNDER_WAY })
  }
  if (asked.target === null) return subscriber.send({ type: 'connected', ...hello })
  try {
    await subscriber.subscriptions.prepare(asked.target, asked.wish)
  } catch (error) {
    if (!(error instanceof BackplaneAway)) throw error
    subscriber.close(CLOSE.ourFault, 'the streams are away; try again')
    return
  }
  if (subscriber.state !== 'open') return
  const { symbol, ...position } = subscriber.subscriptions.position(asked.target)
  subscriber.socket.cork(() => {
    subscriber.send({ type: 'connected', ...position, ...(symbol === null ? {} : { symbol }), ...hello })
    if (asked.target) subscriber.subscriptions.begin(asked.target, asked.wish)
  })
}
