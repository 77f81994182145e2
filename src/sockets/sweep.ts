import type { Authenticator } from '../identity/authenticator.ts'
import { CLOSE } from './close-codes.ts'
import type { Subscriber } from './subscriber.ts'

export interface SweepRules {
  heartbeatSeconds: number
  silenceSeconds: number
  slowSeconds: number
}

/** A client that reads on within this finds its backlog and the code; then the memory is wanted back. */
const LINGER_MS = 60_000
const TICK_MS = 1_000
/** A block or a revoked key must be obeyed within 10 s. */
const RECHECK_EVERY_TICKS = 4

/**
 * Once a second: which sockets are slow, silent or due for a heartbeat. Heartbeats are spread over their period by the time
 * a socket was opened, so that thousands of sockets do not get theirs in one turn.
 */
export function startSweep(deps: {
  subscribers: ReadonlySet<Subscriber>
  rules: SweepRules
  authenticator: Pick<Authenticator, 'recheck'>
  close: (subscriber: Subscriber, code: number, reason: string) => void
  onError: (error: unknown) => void
}): { stop(): void } {
  let tick = 0
  let rechecking = false
  const timer = setInterval(() => {
    tick += 1
    const now = performance.now()
    const beat = JSON.stringify({ type: 'ping', timestamp: new Date().toISOString() })
    for (const subscriber of deps.subscribers) examine(deps, subscriber, now, tick, beat)
    if (tick % RECHECK_EVERY_TICKS !== 0 || rechecking) return
    rechecking = true
    recheckAll(deps)
      .catch(deps.onError)
      .finally(() => {
        rechecking = false
      })
  }, TICK_MS)
  return { stop: () => clearInterval(timer) }
}

type Deps = Parameters<typeof startSweep>[0]

function examine({ rules, close }: Deps, subscriber: Subscriber, now: number, tick: number, beat: string): void {
  const { socket } = subscriber
  const waiting = socket.getBufferedAmount() > 0
  if (!waiting) subscriber.slowSince = 0
  else if (subscriber.slowSince === 0) subscriber.slowSince = now
  const slowFor = waiting ? now - subscriber.slowSince : 0
  if (subscriber.state === 'ending') {
    if (slowFor > rules.slowSeconds * 1000 + LINGER_MS) socket.close()
    return
  }
  const silentFor = now - subscriber.lastHeard
  const isTurn = tick % rules.heartbeatSeconds === Math.floor(subscriber.openedAt / 1000) % rules.heartbeatSeconds
  if (slowFor > rules.slowSeconds * 1000) close(subscriber, CLOSE.tooSlow, 'too slow')
  else if (silentFor > rules.silenceSeconds * 1000) close(subscriber, CLOSE.silent, 'silent')
  else if (isTurn) sendHeartbeat(subscriber, beat)
}

/** Clients that do not answer the message answer the ping of the protocol, without knowing. */
function sendHeartbeat({ socket }: Subscriber, beat: string): void {
  socket.cork(() => {
    socket.send(beat)
    socket.ping()
  })
}

/** Many sockets share a principal: each is asked for once. */
async function recheckAll({ subscribers, authenticator, close }: Deps): Promise<void> {
  const verdicts = new Map<string, Promise<boolean>>()
  for (const subscriber of [...subscribers]) {
    const { principal } = subscriber
    if (principal === null || subscriber.state !== 'open') continue
    const key = `${principal.keyId ?? ''} ${principal.expiresAt?.getTime() ?? ''} ${principal.userId}`
    const verdict = verdicts.get(key) ?? authenticator.recheck(principal)
    verdicts.set(key, verdict)
    if (!(await verdict)) close(subscriber, CLOSE.unauthorized, 'the token has ended or was withdrawn')
  }
}
