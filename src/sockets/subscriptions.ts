import type { WebSocket } from 'uWebSockets.js'
import type { Gap } from '../streams/backplane.ts'
import { gapFrame, snapshotOf } from '../streams/frames.ts'
import { createGate } from '../streams/gate.ts'
import type { Hub } from '../streams/hub.ts'
import { type ReplayTarget, replay, type Since } from '../streams/replay.ts'
import { type StreamTarget, streamName } from '../streams/stream-name.ts'

/** How a subscription is wished to begin. */
export interface Wish {
  /** Undefined: as the channel has it. */
  snapshot?: boolean | undefined
  /** What was had last, to go on after it. */
  since?: Since | undefined
  /** The same of the user's own stream. */
  userSince?: Since | undefined
}

/** A stream of a socket with where its numbering stands when the socket joins. */
export interface Joined {
  channel: string
  symbol: string | null
  epoch: string
  seq: number
  /** The user's own stream beside it. */
  user?: { epoch: string; seq: number }
}

/** The socket, as far as subscriptions need it. */
export interface Listener {
  readonly state: 'open' | 'ending' | 'closed'
  readonly socket: Pick<WebSocket<unknown>, 'send' | 'cork' | 'subscribe' | 'unsubscribe'>
  readonly userId: string | null
  sent(): Promise<void>
  /** A replay failed, so the socket lacks what it was promised. */
  failed(error: unknown): void
}

interface Subscription {
  target: StreamTarget
  /** The shared stream, and for who has a name the user's own. */
  streams: readonly string[]
  over: boolean
}

/** Replays of one socket that run at once; each holds a slice of a history. */
const REPLAYS_AT_ONCE = 8

/**
 * The streams of one socket. It joins them in two steps: `prepare` waits until this process hears them; `begin` then, in one
 * go with what tells the client where the numbering stands, subscribes, so that the next message is the next number.
 */
export class Subscriptions {
  readonly #listener: Listener
  readonly #hub: Hub
  readonly #byName = new Map<string, Subscription>()
  readonly #gate = createGate(REPLAYS_AT_ONCE)

  constructor(listener: Listener, hub: Hub) {
    this.#listener = listener
    this.#hub = hub
  }

  get size(): number {
    return this.#byName.size
  }

  has(target: StreamTarget): boolean {
    return this.#byName.has(streamName(target))
  }

  /** What there was of the same target before ends. @throws BackplaneAway; then nothing has changed */
  async prepare(target: StreamTarget): Promise<void> {
    const streams = streamsOf(target, this.#listener.userId)
    if (!(await this.#join(streams))) return
    this.leave(target)
    this.#byName.set(streamName(target), { target, streams, over: false })
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
    const [shared = '', own] = this.#byName.get(streamName(target))?.streams ?? []
    const { epoch, seq } = this.#hub.position(shared)
    const joined = { channel: target.channel, symbol: target.symbol, epoch, seq }
    if (own === undefined) return joined
    const user = this.#hub.position(own)
    return { ...joined, user: { epoch: user.epoch, seq: user.seq } }
  }

  /** Of a prepared target; in the same turn as `position` was read and sent. */
  begin(target: StreamTarget, wish: Wish): void {
    const subscription = this.#byName.get(streamName(target))
    if (!subscription) return
    for (const [index, stream] of subscription.streams.entries()) {
      const since = index === 0 ? wish.since : wish.userSince
      if (since) this.#resume(subscription, stream, since, wish)
      else {
        if (index === 0 && wantsSnapshot(target, wish)) this.snapshot(target)
        this.#listener.socket.subscribe(stream)
      }
    }
  }

  /** The newest message of the shared stream, where there is one. */
  snapshot(target: StreamTarget): void {
    const { last } = this.#hub.position(streamName(target))
    if (last !== null) this.#listener.socket.send(snapshotOf(last))
  }

  leave(target: StreamTarget): boolean {
    const name = streamName(target)
    const subscription = this.#byName.get(name)
    if (!subscription) return false
    this.#byName.delete(name)
    subscription.over = true
    for (const stream of subscription.streams) {
      if (this.#listener.state === 'open') this.#listener.socket.unsubscribe(stream)
      this.#hub.leave(stream)
    }
    return true
  }

  leaveAll(): void {
    for (const { target } of [...this.#byName.values()]) this.leave(target)
  }

  /** @returns false when the socket closed meanwhile: then nobody else gives them up */
  async #join(streams: readonly string[]): Promise<boolean> {
    const joins = await Promise.allSettled(streams.map((stream) => this.#hub.join(stream)))
    const failed = joins.find((join) => join.status === 'rejected')
    if (!failed && this.#listener.state === 'open') return true
    for (const [index, { status }] of joins.entries()) {
      if (status === 'fulfilled') this.#hub.leave(streams[index] ?? '')
    }
    if (failed) throw failed.reason
    return false
  }

  #resume(subscription: Subscription, stream: string, since: Since, wish: Wish): void {
    const { socket } = this.#listener
    const showsState = stream === subscription.streams[0] && wantsSnapshot(subscription.target, wish)
    const target: ReplayTarget = {
      over: () => subscription.over || this.#listener.state !== 'open',
      send: (messages) =>
        void socket.cork(() => {
          for (const { frame } of messages) socket.send(frame)
        }),
      gap: (gap: Gap) => {
        socket.send(gapFrame(gap))
        if (showsState) this.snapshot(subscription.target)
      },
      sent: () => this.#listener.sent(),
      join: () => void socket.subscribe(stream),
    }
    this.#gate(async () => {
      if (!target.over()) await replay({ hub: this.#hub, stream, since }, target)
    }).catch((error: unknown) => this.#listener.failed(error))
  }
}

/** Market data is state, the others are news that a bot may act on. */
function wantsSnapshot({ channel }: StreamTarget, { snapshot }: Wish): boolean {
  return snapshot ?? channel === 'market-data'
}

/** Events for one user are on a stream of their own, which only that user's sockets join. */
function streamsOf(target: StreamTarget, userId: string | null): string[] {
  const shared = streamName(target)
  const own = ownStreamOf(target, userId)
  return own === null ? [shared] : [shared, own]
}

function ownStreamOf(target: StreamTarget, userId: string | null): string | null {
  return userId === null || target.channel === 'market-data' ? null : streamName(target, userId)
}
