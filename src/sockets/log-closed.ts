import type { Logger } from '../telemetry/log.ts'
import type { Subscriber } from './subscriber.ts'

export function logClosed(log: Logger, subscriber: Subscriber, code: number): void {
  log.info(
    {
      connection_id: subscriber.connectionId,
      user_id: subscriber.principal?.userId,
      code,
      duration_ms: Date.now() - subscriber.openedAt,
    },
    'subscriber.closed',
  )
}
