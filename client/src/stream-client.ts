import { refuseClosed, type StateChange, type StreamEvents } from './client-events.ts'
import { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import { Outbox } from './outbox.ts'
import { readFrame } from './read-frame.ts'
import { afterClose, backoff } from './reconnect-policy.ts'
import type { Channel, DeliveryAttempt, ServerFrame, StreamMessage } from './server-frames.ts'
import { type SocketClass, socketClass } from './socket-class.ts'
import { socketUrl } from './socket-url.ts'
import type { StreamClientOptions } from './stream-client-options.ts'
import type { StreamSubscription, StreamWish } from './stream-wish.ts'
import { Subscriptions } from './subscriptions.ts'
import { TokenSource } from './token-source.ts'
import { type DeliveryWatch, Watches, type WatchWish } from './watches.ts'

/** After a connection that held this long the next failure is the first again. */
const HELD_MS = 10_000
const RETRY_MS = 2_000
const AUTH = 'auth'

/** Connects at once, and stays connected until `close()` or until the server says that coming back would not help. */
export function connectStreams(options: StreamClientOptions): StreamClient {
  return new StreamClient(options)
}

/** Many streams on one socket at a time: a lost one is replaced, and each stream goes on from the message it had last. */
export class StreamClient {
  readonly #options: StreamClientOptions
  readonly #WebSocket: SocketClass
  readonly #url: string
  readonly #emitter = new Emitter<StreamEvents>()
  readonly #subscriptions = new Subscriptions(this.#emitter)
  readonly #watches = new Watches(this.#emitter)
  readonly #tokens: TokenSource
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #state: StateChange = { state: 'connecting' }
  #connection: Connection | null = null
  #outbox: Outbox | null = null
  /** Failures one after another. */
  #attempt = 0
  #openSince = 0
  #asksAgain = false

  constructor(options: StreamClientOptions) {
    this.#options = options
    this.#WebSocket = socketClass(options.WebSocket)
    this.#url = socketUrl(options.url)
    this.#tokens = new TokenSource(options.token)
    // In another turn, so that whoever made the client can listen first.
    queueMicrotask(() => void this.#connect())
  }

  get state(): StateChange['state'] {
    return this.#state.state
  }

  /** @returns what takes the listener away again */
  on<Name extends keyof StreamEvents>(name: Name, listener: (event: StreamEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener)
  }

  /**
   * Each message of a stream once, in order, over all reconnections; what could not be had is told by `gap`. A stream that is
   * subscribed to already is shared: the second listener gets what comes from then on.
   * @throws TypeError when it is subscribed to with other options already, or they make no sense; Error when the client is closed
   */
  subscribe<Of extends Channel>(
    wish: StreamWish<Of>,
    listener: (message: StreamMessage<Of>) => void = () => undefined,
  ): StreamSubscription {
    refuseClosed(this.#state)
    // Its own function, so that one listener may be given twice; of another channel no message comes here.
    const listen = (message: StreamMessage) => listener(message as StreamMessage<Of>)
    const subscriptions = this.#subscriptions
    const name = subscriptions.add(wish, listen)
    this.#outbox?.wake()
    return {
      get position() {
        return subscriptions.position(name)
      },
      get userPosition() {
        return subscriptions.position(name, true)
      },
      unsubscribe: () => {
        subscriptions.remove(name, listen)
        this.#outbox?.wake()
      },
    }
  }

  /**
   * Each attempt to deliver to your webhooks, from now on. What is missed while there is no connection is not told.
   * @throws Error when the client is closed
   */
  watchDeliveries(wish: WatchWish, listener: (attempt: DeliveryAttempt) => void): DeliveryWatch {
    refuseClosed(this.#state)
    const watch = this.#watches.add(wish, listener)
    this.#outbox?.wake()
    return {
      stop: () => {
        this.#watches.remove(watch)
        this.#outbox?.wake()
      },
    }
  }

  /** Another token from now on, as for another sign-in of the same user; the streams go on. */
  renewToken(): Promise<void> {
    return this.#renew()
  }

  close(): void {
    if (this.state === 'closed') return
    this.#connection?.close()
    this.#stop({ state: 'closed' })
  }

  async #connect(): Promise<void> {
    if (this.state === 'closed') return
    this.#change({ state: 'connecting' })
    const token = await this.#token()
    if (this.state !== 'connecting') return
    if (token === null) {
      this.#comeBack(backoff(this.#attempt, this.#random()), {})
      return
    }
    if (token.isRefused) {
      this.#stop({ state: 'closed', code: 4401, reason: 'the token was refused, and there is no other' })
      return
    }
    try {
      const connection = new Connection({
        url: this.#url,
        token: token.value,
        WebSocket: this.#WebSocket,
        onFrame: (frame) => this.#read(frame),
        onClosed: (code, reason) => this.#closed(code, reason),
      })
      this.#connection = connection
      this.#outbox = new Outbox({
        gather: () => [...this.#subscriptions.takeRequests(), ...this.#watches.takeRequests()],
        send: (frame) => connection.send(frame),
      })
    } catch (error) {
      this.#emitter.emit('error', { code: 'bad_url_or_token', message: String(error) })
      this.#stop({ state: 'closed' })
    }
  }

  /** @returns null when there is none now */
  async #token(): Promise<{ value: string | undefined; isRefused: boolean } | null> {
    try {
      return await this.#tokens.next()
    } catch (error) {
      this.#emitter.emit('error', { code: 'token_callback', message: String(error) })
      return null
    }
  }

  #closed(code: number, reason: string): void {
    this.#disconnect()
    this.#subscriptions.lost()
    this.#watches.lost()
    if (this.#openSince > 0 && Date.now() - this.#openSince > HELD_MS) this.#attempt = 0
    this.#openSince = 0
    const next = afterClose(code, reason, this.#attempt, this.#random())
    const isFinal = next.do === 'stop' || (next.do === 'renew_token' && !this.#tokens.refused())
    if (isFinal) this.#stop({ state: 'closed', code, reason })
    else this.#comeBack(next.afterMs, { code, reason })
  }

  #comeBack(afterMs: number, why: { code?: number; reason?: string }): void {
    this.#attempt += 1
    this.#change({ state: 'waiting', retryInMs: afterMs, ...why })
    this.#later(afterMs, () => void this.#connect())
  }

  #read(frame: ServerFrame): void {
    this.#emitter.emit('frame', frame)
    readFrame(frame, { subscriptions: this.#subscriptions, watches: this.#watches, emitter: this.#emitter })
    if (frame.type === 'connected') this.#opened()
    else if (frame.type === 'token_expiring') void this.#renew()
    else if (frame.type === 'error' && frame.id === AUTH && frame.code === 'unavailable') this.#renewLater()
    else if (frame.type === 'subscribed' && this.#subscriptions.areAway) this.#askAgainLater()
  }

  #opened(): void {
    this.#openSince = Date.now()
    this.#tokens.taken()
    this.#change({ state: 'open' })
    this.#outbox?.open()
  }

  async #renew(): Promise<void> {
    const outbox = this.#outbox
    if (!this.#tokens.canRenew) return
    const token = await this.#token()
    if (outbox === null || outbox !== this.#outbox) return
    if (token?.value === undefined) this.#renewLater()
    else outbox.sendFirst({ type: 'auth', token: token.value, id: AUTH })
  }

  #renewLater(): void {
    this.#later(this.#jitter(RETRY_MS), () => void this.#renew())
  }

  #askAgainLater(): void {
    if (this.#asksAgain) return
    this.#asksAgain = true
    this.#later(this.#jitter(RETRY_MS), () => {
      this.#asksAgain = false
      this.#subscriptions.askAwayAgain()
      this.#outbox?.wake()
    })
  }

  #disconnect(): void {
    this.#connection = null
    this.#outbox?.close()
    this.#outbox = null
  }

  #stop(change: StateChange): void {
    this.#disconnect()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#change(change)
  }

  #change(change: StateChange): void {
    this.#state = change
    this.#emitter.emit('state', change)
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, ms)
    this.#timers.add(timer)
  }

  #jitter(ms: number): number {
    return ms * (0.5 + this.#random())
  }

  #random(): number {
    return (this.#options.random ?? Math.random)()
  }
}
