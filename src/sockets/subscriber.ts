import { setImmediate } from 'node:timers/promises'
import type { Principal } from '../identity/principal.ts'
import { BackplaneAway } from '../streams/publisher.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import type { Admission, Visitor } from './admission.ts'
import type { Carrier } from './carrier.ts'
import { ChangeBudget } from './change-budget.ts'
import { CLOSE, type Refusal } from './close-codes.ts'
import type { FanOut } from './fan-out.ts'
import { Subscriptions } from './subscriptions.ts'

export interface SubscriberDeps {
  streams: FanOut
  metrics: Pick<StreamMetrics, 'closed' | 'degraded' | 'resynced' | 'replayed' | 'gap'>
  onError: (error: unknown) => void
}

/** One socket, or what goes for one: its state, what it may still be sent, and the order of what it asks. */
export class Subscriber {
  readonly socket: Carrier
  readonly asked: Admission['asked']
  readonly connectionId: string
  readonly address: string
  /** Null while it is nobody's. */
  principal: Principal | null
  /** It is not let in yet: its first frame must bring a token. */
  waitsForToken: boolean
  /** It has shown a token, which is being checked. */
  showsToken = false
  /** Whether it was told that its token ends soon. */
  warned = false
  readonly subscriptions: Subscriptions
  readonly openedAt = Date.now()
  /** `performance.now()` of the last sign of life. */
  lastHeard = performance.now()
  /** `performance.now()` of the first ping after that. */
  askedAt = 0
  /** It does not answer, and so is the first of its user to go. */
  silent = false
  /** It was too slow, and gets prices less often until it has caught up. */
  degraded = false
  /** Since when something is waiting to be sent; 0 when nothing is. */
  slowSince = 0
  state: 'open' | 'ending' | 'closed' = 'open'
  /** What an `ending` socket is closed with. */
  farewell: Refusal | null = null
  readonly #deps: SubscriberDeps
  /** Messages of the second that is named. */
  #received = 0
  #receivedIn = 0
  /** Only of a socket that has changed any. */
  #changes: ChangeBudget | undefined
  #work: Promise<void> = Promise.resolve()
  #waiting: (() => void)[] | undefined

  constructor(socket: Carrier, visitor: Visitor, { principal, waits, asked }: Admission, deps: SubscriberDeps) {
    this.socket = socket
    this.asked = asked
    this.principal = principal
    this.waitsForToken = waits
    this.connectionId = visitor.connectionId
    this.address = visitor.address
    this.#deps = deps
    this.subscriptions = new Subscriptions(this, deps.streams, deps.metrics)
  }

  get userId(): string | null {
    return this.principal?.userId ?? null
  }

  /** Frames of a client are answered one after another, in their order. */
  enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.state === 'open' ? work() : undefined)).catch(this.#deps.onError)
  }

  /** @returns whether this message is over the limit */
  countMessage(perSecond: number): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (this.#receivedIn !== second) this.#received = 0
    this.#receivedIn = second
    this.#received += 1
    return this.#received > perSecond
  }

  /**
   * @param subscriptions as many as it may have
   * @returns whether so many subscriptions more that begin or end are over the limit
   */
  countChanges(changes: number, subscriptions: number): boolean {
    const now = performance.now()
    this.#changes ??= new ChangeBudget(subscriptions, now)
    return !this.#changes.spend(changes, now)
  }

  send(message: object): void {
    if (this.state === 'open') this.socket.send(JSON.stringify(message))
  }

  /**
   * A socket that was nobody's becomes a user's. `subscriptions.beginOwn` then joins the user's own streams, in the turn in
   * which their positions are told.
   * @throws BackplaneAway; then it is still nobody's
   */
  async become(principal: Principal): Promise<void> {
    await this.subscriptions.prepareOwn(principal.userId)
    if (this.state === 'open') this.principal = principal
  }

  /** The same user's newer token. */
  renew(principal: Principal): void {
    this.principal = principal
    this.warned = false
  }

  /** Resolves when what was sent has left, in another turn in any case; or when the socket takes nothing more. */
  async sent(): Promise<void> {
    await setImmediate()
    if (this.state !== 'open' || this.socket.getBufferedAmount() === 0) return
    await new Promise<void>((resolve) => {
      this.#waiting = [...(this.#waiting ?? []), resolve]
    })
  }

  /** A replay failed: the client comes back and asks for the same again. */
  failed(error: unknown): void {
    if (!(error instanceof BackplaneAway)) this.#deps.onError(error)
    this.close(CLOSE.ourFault, 'the streams are away; try again')
  }

  /**
   * Closes with a code. What waits to be sent goes out first, and the code comes after it, whenever the client reads on: to
   * end at once would lose both, since the library drops the code of a socket that is over its limit.
   * A socket that is closing already keeps its code.
   */
  close(code: number, reason: string): void {
    if (this.state !== 'open') return
    if (this.socket.getBufferedAmount() > 0) {
      this.subscriptions.leaveAll()
      this.state = 'ending'
      this.farewell = { code, reason }
      // Counted now: whether its client ever reads the code is not known.
      this.#deps.metrics.closed(code)
      this.#wake()
    } else {
      this.socket.end(code, reason)
    }
  }

  /** It is slow, but may catch up: prices come at most so often; predictions and alerts are not touched. */
  degrade(everyMs: number): void {
    if (this.degraded || !this.subscriptions.degrade(everyMs)) return
    this.degraded = true
    this.#deps.metrics.degraded()
    this.send({ type: 'degraded', conflate_ms: everyMs, timestamp: new Date().toISOString() })
  }

  /** Everything has been sent. */
  drained(): void {
    this.slowSince = 0
    this.#wake()
    if (this.state === 'open' && this.degraded) this.#restore()
    if (this.farewell) this.socket.end(this.farewell.code, this.farewell.reason)
  }

  /** The socket is gone. */
  ended(): void {
    this.state = 'closed'
    this.subscriptions.leaveAll()
    this.#wake()
  }

  #restore(): void {
    this.degraded = false
    this.#deps.metrics.resynced()
    this.socket.cork(() => {
      this.send({ type: 'restored', timestamp: new Date().toISOString() })
      this.subscriptions.restore()
    })
  }

  #wake(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const resolve of waiting) resolve()
  }
}
