import { gapFrame, snapshotOf } from '../streams/frames.ts'
import { createGate, type Gate } from '../streams/gate.ts'
import { type ReplayTarget, replay, type Since } from '../streams/replay.ts'
import { isWildcard, type StreamTarget, streamName } from '../streams/stream-name.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import type { FanOut } from './fan-out.ts'
import { Listening } from './listening.ts'
import { type Joined, type Listener, ownStreamOf, type Subscription, streamsOf, wantsSnapshot } from './subscription.ts'
import type { Wish } from './wish.ts'

type Metrics = Pick<StreamMetrics, 'replayed' | 'gap'>

/** Replays of one socket that run at once; each holds a slice of a history. */
const REPLAYS_AT_ONCE = 8
/** A wildcard's snapshots go out so many at a time. */
const SNAPSHOTS_AT_ONCE = 100

/**
 * The streams of one socket. It joins them in two steps: `prepare` waits until this process hears them; `begin` then, in one
 * go with what tells the client where the numbering stands, subscribes, so that the next message is the next number.
 */
export class Subscriptions {
  readonly #listener: Listener
  readonly #streams: FanOut
  readonly #byName = new Map<string, Subscription>()
  /** Only of a socket that has resumed; most never do, and there are many. */
  #replays: { gate: Gate; running: Set<Promise<void>> } | undefined
  readonly #listening: Listening
  readonly #metrics: Metrics

  constructor(listener: Listener, streams: FanOut, metrics: Metrics) {
    this.#listener = listener
    this.#streams = streams
    this.#metrics = metrics
    this.#listening = new Listening(listener, streams)
  }

  get size(): number {
    return this.#byName.size
  }

  has(target: StreamTarget): boolean {
    return this.#byName.has(streamName(target))
  }

  /** What there was of the same target before ends. @throws BackplaneAway; then nothing has changed */
  async prepare(target: StreamTarget, { conflateMs = 0 }: Wish): Promise<void> {
    const name = streamName(target)
    const streams = streamsOf(target, this.#listener.userId)
    if (!(await this.#join(streams))) return
    // A wildcard would bring in between what a replay is about to send.
    if (isWildcard(name)) await Promise.all(this.#replays?.running ?? [])
    this.leave(target)
    if (this.#listener.state !== 'open') for (const stream of streams) this.#streams.hub.leave(stream)
    else this.#byName.set(name, { target, streams, conflateMs, live: false, over: false })
  }

  /** The socket becomes a user's: this process hears the user's own streams. @throws BackplaneAway; then nothing has changed */
  async prepareOwn(userId: string): Promise<void> {
    const own = this.targets().flatMap((target) => ownStreamOf(target, userId) ?? [])
    if (!(await this.#join(own))) return
    for (const subscription of this.#byName.values()) subscription.streams = streamsOf(subscription.target, userId)
  }

  beginOwn(): void {
    const own = [...this.#byName.values()].flatMap(({ streams }) => streams.slice(1))
    for (const stream of own) this.#listener.socket.subscribe(stream)
  }

  targets(): StreamTarget[] {
    return [...this.#byName.values()].map(({ target }) => target)
  }

  position(target: StreamTarget): Joined {
    const { streams = [], conflateMs = 0 } = this.#byName.get(streamName(target)) ?? {}
    const [shared = '', own] = streams
    const joined: Joined = { channel: target.channel, symbol: target.symbol }
    if (!isWildcard(shared)) Object.assign(joined, this.#numbers(shared))
    if (own !== undefined) joined.user = this.#numbers(own)
    if (conflateMs > 0) joined.conflate_ms = conflateMs
    return joined
  }

  /** Of a prepared target; in the same turn as `position` was read and sent. */
  begin(target: StreamTarget, wish: Wish): void {
    const subscription = this.#byName.get(streamName(target))
    if (!subscription) return
    const [shared = '', own] = subscription.streams
    if (wish.since) this.#resume(subscription, shared, wish.since, wish)
    else {
      if (wantsSnapshot(target, wish)) this.snapshot(target)
      this.#goLive(subscription)
    }
    if (own === undefined) return
    if (wish.userSince) this.#resume(subscription, own, wish.userSince, wish)
    else this.#listener.socket.subscribe(own)
  }

  /** The newest message of the shared stream, where there is one; of a wildcard, of every stream. */
  snapshot(target: StreamTarget): void {
    const name = streamName(target)
    if (isWildcard(name)) this.#snapshotAll().catch((error: unknown) => this.#listener.failed(error))
    else this.#sendSnapshot(name)
  }

  leave(target: StreamTarget): boolean {
    const name = streamName(target)
    const subscription = this.#byName.get(name)
    if (!subscription) return false
    this.#byName.delete(name)
    subscription.over = true
    const [, own] = subscription.streams
    if (own !== undefined && this.#listener.state === 'open') this.#listener.socket.unsubscribe(own)
    this.#retune(name)
    for (const stream of subscription.streams) this.#streams.hub.leave(stream)
    return true
  }

  leaveAll(): void {
    const all = [...this.#byName.values()]
    this.#byName.clear()
    for (const subscription of all) {
      subscription.over = true
      const [, own] = subscription.streams
      if (own !== undefined && this.#listener.state === 'open') this.#listener.socket.unsubscribe(own)
    }
    this.#retune()
    for (const { streams } of all) for (const stream of streams) this.#streams.hub.leave(stream)
  }

  /** Prices come as often as a slow socket can take them. @returns false when that changes nothing */
  degrade(everyMs: number): boolean {
    this.#listening.slowest(everyMs)
    if (this.#retune() > 0) return true
    this.#listening.slowest(0)
    return false
  }

  /** Prices come as they were asked for again, after the newest of each stream that was conflated. */
  restore(): void {
    const degraded = this.#listening.degraded()
    this.#streams.hub.settle()
    for (const { target } of degraded) this.snapshot(target)
    this.#listening.slowest(0)
    this.#retune()
  }

  #goLive(subscription: Subscription): void {
    subscription.live = true
    this.#retune(streamName(subscription.target))
  }

  /** Of one subscription, or of all. @returns how many streams come otherwise than before */
  #retune(name?: string): number {
    return this.#listening.retune(this.#byName, name)
  }

  #numbers(stream: string): { epoch: string; seq: number } {
    const { epoch, seq } = this.#streams.hub.position(stream)
    return { epoch, seq }
  }

  #sendSnapshot(stream: string): void {
    const { last } = this.#streams.hub.position(stream)
    if (last !== null) this.#listener.socket.send(snapshotOf(last))
  }

  async #snapshotAll(): Promise<void> {
    const streams = this.#streams.hub.named()
    for (let start = 0; start < streams.length; start += SNAPSHOTS_AT_ONCE) {
      if (start > 0) await this.#listener.sent()
      if (this.#listener.state !== 'open' || this.#streams.hub.named().length === 0) return
      for (const stream of streams.slice(start, start + SNAPSHOTS_AT_ONCE)) this.#sendSnapshot(stream)
    }
  }

  /** @returns false when the socket closed meanwhile: then nobody else gives them up */
  async #join(streams: readonly string[]): Promise<boolean> {
    const { hub } = this.#streams
    const joins = await Promise.allSettled(streams.map((stream) => hub.join(stream)))
    const failed = joins.find((join) => join.status === 'rejected')
    if (!failed && this.#listener.state === 'open') return true
    for (const [index, { status }] of joins.entries()) if (status === 'fulfilled') hub.leave(streams[index] ?? '')
    if (failed) throw failed.reason
    return false
  }

  #resume(subscription: Subscription, stream: string, since: Since, wish: Wish): void {
    const { socket } = this.#listener
    const isShared = stream === subscription.streams[0]
    const target: ReplayTarget = {
      over: () => subscription.over || this.#listener.state !== 'open',
      send: (messages) =>
        void socket.cork(() => {
          for (const { frame } of messages) socket.send(frame)
        }),
      gap: (gap) => {
        this.#metrics.gap()
        socket.send(gapFrame(gap))
        if (isShared && wantsSnapshot(subscription.target, wish)) this.snapshot(subscription.target)
      },
      sent: () => this.#listener.sent(),
      join: () => {
        if (isShared) this.#goLive(subscription)
        else socket.subscribe(stream)
      },
    }
    this.#metrics.replayed()
    this.#replays ??= { gate: createGate(REPLAYS_AT_ONCE), running: new Set() }
    const replays = this.#replays
    const running = replays
      .gate(async () => {
        if (!target.over()) await replay({ hub: this.#streams.hub, stream, since }, target)
      })
      .catch((error: unknown) => this.#listener.failed(error))
      .finally(() => replays.running.delete(running))
    replays.running.add(running)
  }
}
