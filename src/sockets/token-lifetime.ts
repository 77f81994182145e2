import type { Authenticator } from '../identity/authenticator.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { CLOSE } from './close-codes.ts'
import type { Subscriber } from './subscriber.ts'

/** How long before its end a client is told, so that it can send another token. */
const WARN_MS = 60_000
/** How long a socket that came without a token may wait with its first frame. */
const FIRST_FRAME_MS = 5_000

/** Looked at once a second: a token that ends soon, has ended, or has not come. */
export function watchToken(
  subscriber: Subscriber,
  {
    authenticator,
    close,
    metrics,
  }: {
    authenticator: Pick<Authenticator, 'endOf'>
    close: (subscriber: Subscriber, code: number, reason: string) => void
    metrics: Pick<StreamMetrics, 'limited'>
  },
): void {
  const { principal, waitsForToken } = subscriber
  const now = Date.now()
  if (waitsForToken) {
    // Whoever has shown a token in time does not pay for how long it is checked.
    if (subscriber.showsToken || now - subscriber.openedAt < FIRST_FRAME_MS) return
    metrics.limited('first_token')
    close(subscriber, CLOSE.unauthorized, NO_TOKEN)
  } else if (principal?.expiresAt) {
    if (now >= authenticator.endOf(principal)) close(subscriber, CLOSE.unauthorized, 'the token has expired')
    else if (!subscriber.warned && now >= principal.expiresAt.getTime() - WARN_MS) {
      subscriber.warned = true
      subscriber.send({ type: 'token_expiring', expires_at: principal.expiresAt.toISOString() })
    }
  }
}

export const NO_TOKEN = 'this needs a token: ?token=, the subprotocol "bearer, <token>" or a first frame auth'
