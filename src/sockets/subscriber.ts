import type { WebSocket } from 'uWebSockets.js'
import type { Principal } from '../identity/principal.ts'
import { snapshotOf } from '../streams/frames.ts'
import type { Hub } from '../streams/hub.ts'
import { type StreamTarget, streamName } from '../streams/stream-name.ts'
import type { Admission, Visitor } from './admission.ts'
import type { Refusal } from './close-codes.ts'

/** A stream of a socket with where its numbering stood when the socket joined. */
export interface Joined {
  channel: string
  symbol: string | null
  epoch: string
  seq: number
  /** The user's own stream beside it. */
  user?: { epoch: string; seq: number }
}

/**
 * One socket. It joins streams in two steps: `prepare` waits until this process hears them; `join` then, in one go without
 * waiting, tells the client where the numbering stands and subscribes, so that the next message is the next number.
 */
export class Subscriber {
  readonly socket: WebSocket<Visitor>
  readonly connectionId: string
  readonly address: string
  /** Null while it is nobody's. */
  principal: Principal | null
  /** It is not let in yet: its first frame must bring a token. */
  waitsForToken: boolean
  /** Whether it was told that its token ends soon. */
  warned = false
  readonly openedAt = Date.now()
  /** `performance.now()` of the last sign of life. */
  lastHeard = performance.now()
  /** Since when something is waiting to be sent; 0 when nothing is. */
  slowSince = 0
  state: 'open' | 'ending' | 'closed' = 'open'
  /** What an `ending` socket is closed with. */
  farewell: Refusal | null = null
  readonly subscriptions = new Map<string, StreamTarget>()
  readonly #hub: Hub
  #received = { second: 0, count: 0 }
  #work: Promise<void> = Promise.resolve()

  constructor(socket: WebSocket<Visitor>, visitor: Visitor, { principal, waits }: Admission, hub: Hub) {
    this.socket = socket
    this.principal = principal
    this.waitsForToken = waits
    this.connectionId = visitor.connectionId
    this.address = visitor.address
    this.#hub = hub
  }

  /** Frames of a client are answered one after another, in their order. */
  enqueue(work: () => Promise<void>, onError: (error: unknown) => void): void {
    this.#work = this.#work.then(() => (this.state === 'open' ? work() : undefined)).catch(onError)
  }

  /** @returns whether this message is over the limit */
  countMessage(perSecond: number): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (this.#received.second !== second) this.#received = { second, count: 0 }
    this.#received.count += 1
    return this.#received.count > perSecond
  }

  send(message: object): void {
    if (this.state === 'open') this.socket.send(JSON.stringify(message))
  }

  /** @throws BackplaneAway; then nothing was joined */
  async prepare(target: StreamTarget): Promise<void> {
    const joined: string[] = []
    try {
      for (const stream of this.#streamsOf(target)) {
        await this.#hub.join(stream)
        joined.push(stream)
      }
    } catch (error) {
      for (const stream of joined) this.#hub.leave(stream)
      throw error
    }
    // The socket may have closed meanwhile; then nobody else gives this up.
    if (this.state === 'closed') for (const stream of joined) this.#hub.leave(stream)
    else this.subscriptions.set(streamName(target), target)
  }

  /**
   * A socket that was nobody's becomes a user's: this process hears their own streams of what it subscribes to. `listenToOwn`
   * then joins them, in the turn in which their positions are told.
   * @throws BackplaneAway; then it is still nobody's
   */
  async become(principal: Principal): Promise<void> {
    const own = [...this.subscriptions.values()].flatMap((target) => ownStreamOf(target, principal) ?? [])
    const joining = await Promise.allSettled(own.map((stream) => this.#hub.join(stream)))
    const failed = joining.find((one) => one.status === 'rejected')
    if (failed || this.state !== 'open') {
      for (const [index, { status }] of joining.entries()) if (status === 'fulfilled') this.#hub.leave(own[index] ?? '')
      if (failed) throw failed.reason
      return
    }
    this.principal = principal
  }

  listenToOwn(): void {
    for (const target of this.subscriptions.values()) {
      const own = ownStreamOf(target, this.principal)
      if (own !== null) this.socket.subscribe(own)
    }
  }

  /** The same user's newer token. */
  renew(principal: Principal): void {
    this.principal = principal
    this.warned = false
  }

  position(target: StreamTarget): Joined {
    const [shared = '', own] = this.#streamsOf(target)
    const { epoch, seq } = this.#hub.position(shared)
    const joined = { channel: target.channel, symbol: target.symbol, epoch, seq }
    if (own === undefined) return joined
    const user = this.#hub.position(own)
    return { ...joined, user: { epoch: user.epoch, seq: user.seq } }
  }

  /** Of a prepared target; in the same turn as `position` was read and sent. */
  listen(target: StreamTarget, snapshot: boolean | undefined): void {
    const [shared = '', ...others] = this.#streamsOf(target)
    const { last } = this.#hub.position(shared)
    if (last !== null && (snapshot ?? target.channel === 'market-data')) this.socket.send(snapshotOf(last))
    for (const stream of [shared, ...others]) this.socket.subscribe(stream)
  }

  leave(target: StreamTarget): boolean {
    if (!this.subscriptions.delete(streamName(target))) return false
    for (const stream of this.#streamsOf(target)) {
      if (this.state === 'open') this.socket.unsubscribe(stream)
      this.#hub.leave(stream)
    }
    return true
  }

  /**
   * Closes with a code. What waits to be sent goes out first, and the code comes after it, whenever the client reads on: to
   * end at once would lose both, since the library drops the code of a socket that is over its limit.
   * @returns false when the socket was closing already
   */
  close(code: number, reason: string): boolean {
    if (this.state !== 'open') return false
    if (this.socket.getBufferedAmount() > 0) {
      this.mute()
      this.state = 'ending'
      this.farewell = { code, reason }
    } else {
      this.socket.end(code, reason)
    }
    return true
  }

  /** Everything has been sent. */
  drained(): void {
    this.slowSince = 0
    if (this.farewell) this.socket.end(this.farewell.code, this.farewell.reason)
  }

  /** Nothing more is published to it. */
  mute(): void {
    for (const target of [...this.subscriptions.values()]) this.leave(target)
  }

  /** Events for one user are on a stream of their own, which only that user's sockets join. */
  #streamsOf(target: StreamTarget): string[] {
    const shared = streamName(target)
    const own = ownStreamOf(target, this.principal)
    return own === null ? [shared] : [shared, own]
  }
}

function ownStreamOf(target: StreamTarget, principal: Principal | null): string | null {
  return principal === null || target.channel === 'market-data' ? null : streamName(target, principal.userId)
}
