import type { StreamEvents } from './client-events.ts'
import { Course, type Position } from './course.ts'
import { callSafely, type Emitter } from './emitter.ts'
import type { Request } from './outbox.ts'
import { RecentIds } from './recent-ids.ts'
import { requestFrames, type StreamEntry } from './request-frames.ts'
import { refuseOtherOptions } from './same-options.ts'
import type {
  JoinedStream,
  RefusedStream,
  StreamGap,
  StreamMessage,
  StreamPosition,
  Subscribed,
} from './server-frames.ts'
import { nameOf, own, shared, target, WILDCARD, wildcardOf } from './stream-names.ts'
import { refuseSenseless, type StreamWish } from './stream-wish.ts'

interface Wanted {
  wish: StreamWish
  listeners: Set<(message: StreamMessage) => void>
  /** What it was asked with. */
  resumes: boolean
  resumesOwn: boolean
  joined: boolean
  /** The server could not take it now. */
  isAway: boolean
}

/** What this socket was asked for, and in which round: an answer to an earlier one is not about it. */
interface Asked {
  wanted: Wanted
  round: number
}

/** An event that is announced again, as after a crash, comes with another number and the same id. */
const EVENTS_REMEMBERED = 10_000
const CHANNELS = { prediction_update: 'predictions', market_data_update: 'market-data', alert: 'alerts' } as const

/** What a client wants, over all its sockets: which streams, where each is, and who listens to it. */
export class Subscriptions {
  readonly #wanted = new Map<string, Wanted>()
  readonly #asked = new Map<string, Asked>()
  readonly #courses = new Map<string, Course>()
  readonly #events = new RecentIds(EVENTS_REMEMBERED)
  readonly #emitter: Emitter<StreamEvents>
  #round = 0

  constructor(emitter: Emitter<StreamEvents>) {
    this.#emitter = emitter
  }

  /**
   * @returns the name of the stream
   * @throws TypeError when the stream is subscribed to with other options: a socket gets each stream in one way
   */
  add(wish: StreamWish, listener: (message: StreamMessage) => void): string {
    refuseSenseless(wish)
    const name = nameOf(wish.channel, wish.symbol)
    const known = this.#wanted.get(name)
    if (known) {
      refuseOtherOptions(known.wish, wish, name)
      known.listeners.add(listener)
      return name
    }
    const fresh = { resumes: false, resumesOwn: false, joined: false, isAway: false }
    this.#wanted.set(name, { wish, listeners: new Set([listener]), ...fresh })
    if (wish.since) this.#course(name).goOnFrom(wish.since)
    if (wish.userSince) this.#course(own(name)).goOnFrom(wish.userSince)
    return name
  }

  remove(name: string, listener: (message: StreamMessage) => void): void {
    const wanted = this.#wanted.get(name)
    if (wanted?.listeners.delete(listener) && wanted.listeners.size === 0) this.#forget(name)
  }

  position(name: string, isOwn = false): Position | null {
    return this.#courses.get(isOwn ? own(name) : name)?.position ?? null
  }

  /**
   * What makes the socket's streams those that are wanted. First what is no longer: a socket has a most. Wildcards come last and
   * apart: once there, one brings every new message, and the server would not send older ones of a symbol in between.
   */
  takeRequests(): Request[] {
    this.#round += 1
    const left = [...this.#asked].filter(([name, { wanted }]) => this.#wanted.get(name) !== wanted)
    for (const [name] of left) this.#asked.delete(name)
    const unasked = [...this.#wanted].filter(([name, { isAway }]) => !isAway && !this.#asked.has(name))
    const [singles, wildcards] = [false, true].map((is) =>
      unasked
        .filter(([, { wish }]) => (wish.symbol === WILDCARD) === is)
        .map(([name, wanted]) => this.#ask(name, wanted)),
    ) as [StreamEntry[], StreamEntry[]]
    const leaving = left.map(([, { wanted }]) => target(wanted.wish))
    return [
      ...requestFrames('unsubscribe', this.#round, leaving),
      ...requestFrames('subscribe', this.#round, singles),
      ...requestFrames('subscribe', this.#round, wildcards),
    ]
  }

  /** The server could not take some of them. */
  get areAway(): boolean {
    return [...this.#wanted.values()].some(({ isAway }) => isAway)
  }

  askAwayAgain(): void {
    for (const wanted of this.#wanted.values()) wanted.isAway = false
  }

  /** The socket is gone. */
  lost(): void {
    this.#asked.clear()
    for (const wanted of this.#wanted.values()) Object.assign(wanted, { joined: false, isAway: false })
    for (const [name, course] of this.#courses) {
      // What cannot be asked for by its number goes on from the newest value, and a loss shows there.
      if (!this.#wanted.has(shared(name))) course.takeUpFromSnapshot('untold')
    }
  }

  /** What the server could not take now, since what it needs is away, is to be asked for again. */
  joined({ id, accepted = [], rejected = [] }: Subscribed): void {
    const isOfNow = ({ channel, symbol }: { channel: string; symbol: string | null }) =>
      this.#asked.get(nameOf(channel, symbol))?.round === id
    for (const stream of accepted.filter(isOfNow)) this.#join(stream)
    for (const refusal of rejected.filter(isOfNow)) {
      const name = nameOf(refusal.channel, refusal.symbol)
      const wanted = this.#wantedAndAsked(name)
      this.#asked.delete(name)
      if (refusal.code !== 'unavailable') this.#refuse(refusal, wanted)
      else if (wanted) wanted.isAway = true
    }
  }

  /** An anonymous socket became a user's: the streams of their own are there too. */
  joinedOwn({ channel, symbol, user }: JoinedStream): void {
    const wanted = this.#wantedAndAsked(nameOf(channel, symbol))
    if (wanted && user) this.#begin(own(nameOf(channel, symbol)), user, wanted.resumesOwn)
  }

  /** It was there, and the server took it back. */
  dropped(refusal: RefusedStream): void {
    const name = nameOf(refusal.channel, refusal.symbol)
    const wanted = this.#wantedAndAsked(name)
    this.#asked.delete(name)
    this.#refuse(refusal, wanted)
  }

  /** A snapshot of each price follows, in place of those that were left out. */
  restored(): void {
    for (const [name, course] of this.#courses) {
      if (name.startsWith('market-data/')) course.takeUpFromSnapshot('told')
    }
  }

  missed({ channel, symbol, from, to, epoch, seq, scope }: StreamGap): void {
    const name = nameOf(channel, symbol)
    if (this.#listening(name).length === 0) return
    this.#course(scope === 'user' ? own(name) : name).goOnFrom({ epoch, seq })
    this.#emitter.emit('gap', { channel, symbol, from, to, ...(scope === 'user' ? { scope } : {}) })
  }

  received(message: StreamMessage): void {
    const channel = CHANNELS[message.type]
    const symbol = message.type === 'alert' ? null : message.symbol
    const name = nameOf(channel, symbol)
    const listening = this.#listening(name)
    if (listening.length === 0) return
    const { isRepeat, hole } = this.#course(message.scope === 'user' ? own(name) : name).take(message)
    if (hole)
      this.#emitter.emit('gap', { channel, symbol, ...hole, ...(message.scope ? { scope: message.scope } : {}) })
    if (isRepeat) return
    const isEvent = message.event_id !== undefined && message.snapshot !== true
    if (isEvent && !this.#events.add(message.event_id as string)) return
    this.#emitter.emit('message', message)
    for (const { listeners } of listening) for (const listener of listeners) callSafely(listener, message)
  }

  #ask(name: string, wanted: Wanted): StreamEntry {
    const { snapshot, conflateMs } = wanted.wish
    const entry: StreamEntry = target(wanted.wish)
    if (snapshot !== undefined) entry.snapshot = snapshot
    if (conflateMs !== undefined) entry.conflate_ms = conflateMs
    const position = conflateMs === undefined ? this.position(name) : null
    if (position) Object.assign(entry, { since: position.seq, epoch: position.epoch })
    const ownPosition = this.position(name, true)
    if (ownPosition) Object.assign(entry, { user_since: ownPosition.seq, user_epoch: ownPosition.epoch })
    Object.assign(wanted, { resumes: position !== null, resumesOwn: ownPosition !== null })
    this.#asked.set(name, { wanted, round: this.#round })
    return entry
  }

  #join({ channel, symbol, epoch, seq, user }: JoinedStream): void {
    const name = nameOf(channel, symbol)
    const wanted = this.#wantedAndAsked(name)
    if (!wanted) return
    wanted.joined = true
    if (epoch !== undefined && seq !== undefined) this.#begin(name, { epoch, seq }, wanted.resumes)
    if (user) this.#begin(own(name), user, wanted.resumesOwn)
  }

  #refuse(refusal: RefusedStream, wanted: Wanted | undefined): void {
    if (!wanted) return
    this.#forget(nameOf(refusal.channel, refusal.symbol))
    this.#emitter.emit('rejected', refusal)
  }

  /** Undefined when it is to be left, though it may be wanted anew. */
  #wantedAndAsked(name: string): Wanted | undefined {
    const wanted = this.#wanted.get(name)
    return wanted && wanted === this.#asked.get(name)?.wanted ? wanted : undefined
  }

  #begin(name: string, position: StreamPosition, resumes: boolean): void {
    if (!resumes) this.#course(name).goOnFrom(position)
  }

  /** Who gets the messages of a stream: those that named it, and those of the wildcard. */
  #listening(name: string): Wanted[] {
    // Where there are no symbols both are the same.
    return [...new Set([this.#wanted.get(name), this.#wanted.get(wildcardOf(name))])].filter(
      (wanted) => wanted?.joined === true,
    ) as Wanted[]
  }

  #course(name: string): Course {
    const course = this.#courses.get(name) ?? new Course()
    this.#courses.set(name, course)
    return course
  }

  #forget(name: string): void {
    this.#wanted.delete(name)
    for (const course of [...this.#courses.keys()]) {
      if (this.#wanted.has(shared(course)) || this.#wanted.has(wildcardOf(course))) continue
      this.#courses.delete(course)
    }
  }
}
