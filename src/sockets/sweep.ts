import type { Authenticator } from '../identity/authenticator.ts'
import type { Principal } from '../identity/principal.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { CLOSE } from './close-codes.ts'
import type { SocketLimits } from './socket-limits.ts'
import type { Subscriber } from './subscriber.ts'
import { watchToken } from './token-lifetime.ts'

export interface SweepRules {
  heartbeatSeconds: number
  silenceSeconds: number
  /** How long a socket may be slow before it gets prices less often, and before it is closed. */
  degradeSeconds: number
  slowSeconds: number
}

export interface Probing {
  /** How often the sockets of a user who is near the limit are pinged. */
  everySeconds: number
  /** How long a ping may be without an answer before its socket is the first to go. */
  answerSeconds: number
}

/** With a tick for each of both, who vanished is known within 15 s. */
const PROBING: Probing = { everySeconds: 4, answerSeconds: 8 }
/** A client that reads on within this finds its backlog and the code; then the memory is wanted back. */
const LINGER_MS = 60_000
const TICK_MS = 1_000
/** How often prices come to who is too slow for them. */
const DEGRADED_MS = 1_000
/** A block or a revoked key must be obeyed within 10 s. */
const RECHECK_EVERY_TICKS = 4
/** API keys are looked up in one question to the database. */
const RECHECKED_AT_ONCE = 1000

/**
 * Once a second: which sockets are slow, silent or due for a heartbeat. Heartbeats are spread over their period by the time
 * a socket was opened, so that thousands of sockets do not get theirs in one turn.
 */
export function startSweep(deps: {
  subscribers: ReadonlySet<Subscriber>
  rules: SweepRules
  probing?: Probing | undefined
  limits: Pick<SocketLimits, 'crowded' | 'setSilent'>
  authenticator: Pick<Authenticator, 'recheck' | 'endOf'>
  close: (subscriber: Subscriber, code: number, reason: string) => void
  metrics: Pick<StreamMetrics, 'limited'>
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

function examine(deps: Deps, subscriber: Subscriber, now: number, tick: number, beat: string): void {
  const { rules, close, limits, probing = PROBING } = deps
  const { socket } = subscriber
  const waiting = socket.getBufferedAmount() > 0
  if (!waiting) subscriber.slowSince = 0
  else if (subscriber.slowSince === 0) subscriber.slowSince = now
  const slowFor = waiting ? now - subscriber.slowSince : 0
  noteSilence(subscriber, limits, now - probing.answerSeconds * 1000)
  if (subscriber.state === 'ending') {
    if (slowFor > rules.slowSeconds * 1000 + LINGER_MS) socket.close()
    return
  }
  const silentFor = now - subscriber.lastHeard
  const isTurn = isTurnOf(subscriber, tick, rules.heartbeatSeconds)
  if (slowFor > rules.slowSeconds * 1000) close(subscriber, CLOSE.tooSlow, 'too slow')
  else if (silentFor > rules.silenceSeconds * 1000) close(subscriber, CLOSE.silent, 'silent')
  else {
    if (isTurn && !subscriber.waitsForToken) sendHeartbeat(subscriber, beat, now)
    else if (isTurnOf(subscriber, tick, probing.everySeconds) && limits.crowded(subscriber)) ask(subscriber, now)
    if (slowFor > rules.degradeSeconds * 1000) subscriber.degrade(DEGRADED_MS)
    watchToken(subscriber, deps)
  }
}

function isTurnOf({ openedAt }: Subscriber, tick: number, everySeconds: number): boolean {
  return tick % everySeconds === Math.floor(openedAt / 1000) % everySeconds
}

/** Where a live one and one whose client vanished share a limit, the live one stays. */
function noteSilence(subscriber: Subscriber, limits: Deps['limits'], answeredBy: number): void {
  const { askedAt, lastHeard, state } = subscriber
  const silent = state === 'ending' || (askedAt > lastHeard && askedAt < answeredBy)
  if (silent !== subscriber.silent) limits.setSilent(subscriber, silent)
  subscriber.silent = silent
}

/** Clients that do not answer the message answer the ping of the protocol, without knowing. */
function sendHeartbeat(subscriber: Subscriber, beat: string, now: number): void {
  subscriber.socket.cork(() => {
    subscriber.socket.send(beat)
    ask(subscriber, now)
  })
}

function ask(subscriber: Subscriber, now: number): void {
  subscriber.socket.ping()
  if (subscriber.askedAt <= subscriber.lastHeard) subscriber.askedAt = now
}

/** Many sockets share a credential: each is asked for once. */
async function recheckAll({ subscribers, authenticator, close, onError }: Deps): Promise<void> {
  const byCredential = new Map<string, { principal: Principal; sharing: [Subscriber, Principal][] }>()
  for (const subscriber of subscribers) {
    const { principal, state } = subscriber
    if (principal === null || state !== 'open') continue
    const { keyId = '', keyMark = '', expiresAt, userId } = principal
    const credential = `${keyId} ${keyMark} ${expiresAt?.getTime() ?? ''} ${userId}`
    const entry = byCredential.get(credential) ?? { principal, sharing: [] }
    byCredential.set(credential, entry)
    entry.sharing.push([subscriber, principal])
  }
  const credentials = [...byCredential.values()]
  for (let start = 0; start < credentials.length; start += RECHECKED_AT_ONCE) {
    await Promise.all(credentials.slice(start, start + RECHECKED_AT_ONCE).map(recheck))
  }

  async function recheck({ principal, sharing }: (typeof credentials)[number]): Promise<void> {
    // While it cannot be found out, as when the database is away, they stay.
    if (await authenticator.recheck(principal).catch(stays)) return
    for (const [subscriber, asked] of sharing) {
      // It may have another token since.
      if (subscriber.principal === asked) close(subscriber, CLOSE.unauthorized, 'the token has ended or was withdrawn')
    }
  }

  function stays(error: unknown): true {
    onError(error)
    return true
  }
}
