import type { Config } from '../config.ts'
import { type ApiError, rateLimited, unavailable } from '../errors.ts'
import type { Tier } from '../identity/principal.ts'
import type { RedisConnection } from '../redis/connect.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { createAddressLimit } from './address-limit.ts'
import type { Admission, Visitor } from './admission.ts'
import { CLOSE, type Refusal, retryAfter } from './close-codes.ts'
import { createSocketLeases } from './socket-leases.ts'
import type { Subscriber } from './subscriber.ts'

/** How many sockets there may be: in all and of an address in this process, of a user in all processes. */
export interface SocketLimits {
  /** Null, or why no handshake of this address is taken now. */
  turnAway(address: string): ApiError | null
  /** What becomes of a socket after its handshake; one that is let in counts until `leave`. */
  enter(visitor: Visitor): Refusal | Admission
  /**
   * Counts a socket among those of its user, once it has one, and again when its token is another: then that one's tier counts.
   * Over the limit the user's oldest is closed, or one that is silent.
   */
  takeLease(subscriber: Subscriber): void
  /** Whether the next sockets of its user may cost others their place. */
  crowded(subscriber: Subscriber): boolean
  setSilent(subscriber: Subscriber, silent: boolean): void
  leave(subscriber: Subscriber): void
  /** From now on every handshake is turned away. */
  drain(): void
  stop(): Promise<void>
}

/** Who was drained comes back after at least this. */
const COME_BACK_MS = 1_000
/** Then they come over a second, or over so long that the other processes are asked for no more handshakes a second than this. */
const COME_BACK_PER_SECOND = 2_000
/** Another socket of the address must close first. */
const ADDRESS_FULL_MS = 30_000
const FULL_SECONDS = 10

export function createSocketLimits(deps: {
  rules: Config['streams']
  socketsPerUser: Record<Tier, number>
  redis: RedisConnection | undefined
  metrics: StreamMetrics
  /** Those whose token is being checked among them. */
  sockets: () => number
  close: (subscriber: Subscriber, code: number, reason: string) => void
  onError: (error: unknown) => void
}): SocketLimits {
  const { rules, metrics } = deps
  let draining = false
  const addresses = createAddressLimit({
    maxSockets: rules.maxSocketsPerAddress,
    handshakesPerMinute: rules.handshakesPerMinute,
  })
  const leases = createSocketLeases<Subscriber>({
    redis: deps.redis,
    replace(oldest) {
      metrics.limited('user')
      deps.close(oldest, CLOSE.replaced, 'replaced by a newer connection')
    },
    onError: deps.onError,
  })

  return {
    turnAway(address) {
      const why = draining ? 'draining' : deps.sockets() >= rules.maxSockets ? 'full' : null
      const seconds = why === null ? addresses.tooOften(address) : null
      if (why === null && seconds === null) return null
      metrics.turnedAway(why ?? 'flood')
      if (why !== 'draining') metrics.limited(why === 'full' ? 'total' : 'handshakes')
      if (seconds !== null) return rateLimited(seconds, 'Too many connections from this address.')
      return unavailable('No socket is taken now.', draining ? 1 : FULL_SECONDS)
    },
    enter({ address, verdict }) {
      // The handshake may have begun before the end did.
      if (draining) return comeBack(deps.sockets())
      if ('code' in verdict) return verdict
      // Responses whose token was being checked were not counted.
      if (deps.sockets() >= rules.maxSockets) {
        metrics.limited('total')
        return { code: CLOSE.ourFault, reason: 'no more is taken now' }
      }
      if (addresses.enter(address)) return verdict
      metrics.limited('address')
      return { code: CLOSE.tooMany, reason: retryAfter(ADDRESS_FULL_MS) }
    },
    takeLease(subscriber) {
      const { principal, connectionId } = subscriber
      if (principal === null) return
      if (principal.role === 'producer' || principal.role === 'admin') return leases.give(connectionId)
      const most = deps.socketsPerUser[principal.tier]
      leases.take({ connectionId, userId: principal.userId, most, owner: subscriber })
    },
    crowded: ({ connectionId }) => leases.crowded(connectionId),
    setSilent: ({ connectionId }, silent) => leases.setSilent(connectionId, silent),
    leave({ address, connectionId }) {
      addresses.leave(address)
      leases.give(connectionId)
    },
    drain() {
      draining = true
    },
    stop: () => leases.stop(),
  }
}

/** What a socket is closed with when the process ends, as one of so many. */
export function comeBack(sockets: number): Refusal {
  const window = 1_000 * Math.max(1, sockets / COME_BACK_PER_SECOND)
  return { code: CLOSE.draining, reason: retryAfter(COME_BACK_MS + window * Math.random()) }
}
