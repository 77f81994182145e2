import type { StreamEvents } from './client-events.ts'
import { Course, type Position } from './course.ts'
import { callSafely, type Emitter } from './emitter.ts'
import { RecentIds } from './recent-ids.ts'
import { refuseOtherOptions } from './same-options.ts'
import type {
  Channel,
  JoinedStream,
  RefusedStream,
  StreamGap,
  StreamMessage,
  StreamPosition,
  Subscribed,
} from './server-frames.ts'
import { nameOf, own, shared, target, WILDCARD, wildcardOf } from './stream-names.ts'
import type { StreamWish } from './stream-wish.ts'

interface Wanted {
  wish: StreamWish
  listeners: Set<(message: StreamMessage) => void>
  /** This socket was asked for it. */
  asked: boolean
  /** What it was asked with. */
  resumes: boolean
  resumesOwn: boolean
  joined: boolean
}

export interface SubscribeEntry {
  channel: Channel
  symbol?: string
  snapshot?: boolean
  conflate_ms?: number
  since?: number
  epoch?: string
  user_since?: number
  user_epoch?: string
}

/** A frame has at most 64 KiB; an entry at its longest takes 300 bytes. */
const ENTRIES_A_FRAME = 150
/** An event that is announced again, as after a crash, comes with another number and the same id. */
const EVENTS_REMEMBERED = 10_000
const CHANNELS = { prediction_update: 'predictions', market_data_update: 'market-data', alert: 'alerts' } as const

/** What a client wants, over all its sockets: which streams, where each is, and who listens to it. */
export class Subscriptions {
  readonly #wanted = new Map<string, Wanted>()
  readonly #courses = new Map<string, Course>()
  readonly #events = new RecentIds(EVENTS_REMEMBERED)
  readonly #emitter: Emitter<StreamEvents>

  constructor(emitter: Emitter<StreamEvents>) {
    this.#emitter = emitter
  }

  /**
   * @returns the subscription, and whether the server is yet to be asked for it
   * @throws TypeError when the stream is subscribed to with other options: a socket gets each stream in one way
   */
  add(wish: StreamWish, listener: (message: StreamMessage) => void): { name: string; isNew: boolean } {
    const name = nameOf(wish.channel, wish.symbol)
    const known = this.#wanted.get(name)
    if (known) {
      refuseOtherOptions(known.wish, wish, name)
      known.listeners.add(listener)
      return { name, isNew: false }
    }
    const fresh = { asked: false, resumes: false, resumesOwn: false, joined: false }
    this.#wanted.set(name, { wish, listeners: new Set([listener]), ...fresh })
    if (wish.since) this.#course(name).goOnFrom(wish.since)
    if (wish.userSince) this.#course(own(name)).goOnFrom(wish.userSince)
    return { name, isNew: true }
  }

  /** @returns what to unsubscribe from, when nobody listens any more */
  remove(name: string, listener: (message: StreamMessage) => void): { channel: Channel; symbol?: string } | null {
    const wanted = this.#wanted.get(name)
    if (!wanted?.listeners.delete(listener) || wanted.listeners.size > 0) return null
    this.#forget(name)
    return wanted.asked ? target(wanted.wish) : null
  }

  position(name: string, isOwn = false): Position | null {
    return this.#courses.get(isOwn ? own(name) : name)?.position ?? null
  }

  /**
   * What this socket was not asked for yet, in lists that fit a frame. Wildcards come last and apart: once there, one brings
   * every new message, and the server would not send older ones of a symbol in between.
   */
  takeUnasked(): SubscribeEntry[][] {
    const unasked = [...this.#wanted].filter(([, { asked }]) => !asked)
    const [wildcards, singles] = [true, false].map((is) =>
      unasked.filter(([, { wish }]) => (wish.symbol === WILDCARD) === is),
    ) as [typeof unasked, typeof unasked]
    const lists = []
    for (let start = 0; start < singles.length; start += ENTRIES_A_FRAME) {
      lists.push(singles.slice(start, start + ENTRIES_A_FRAME))
    }
    if (wildcards.length > 0) lists.push(wildcards)
    return lists.map((list) => list.map(([name, wanted]) => this.#ask(name, wanted)))
  }

  get areUnasked(): boolean {
    return [...this.#wanted.values()].some(({ asked }) => !asked)
  }

  /** The socket is gone. */
  lost(): void {
    for (const wanted of this.#wanted.values()) Object.assign(wanted, { asked: false, joined: false })
    for (const [name, course] of this.#courses) {
      // What cannot be asked for by its number goes on from the newest value, and a loss shows there.
      if (!this.#wanted.has(shared(name))) course.takeUpFromSnapshot('untold')
    }
  }

  /** What the server could not take now, since what it needs is away, is to be asked for again. */
  joined({ accepted = [], rejected = [] }: Subscribed): void {
    for (const stream of accepted) this.#join(stream)
    for (const refusal of rejected) {
      const wanted = this.#wanted.get(nameOf(refusal.channel, refusal.symbol))
      if (refusal.code !== 'unavailable') this.rejected(refusal)
      else if (wanted) wanted.asked = false
    }
  }

  /** An anonymous socket became a user's: the streams of their own are there too. */
  joinedOwn({ channel, symbol, user }: JoinedStream): void {
    const wanted = this.#wanted.get(nameOf(channel, symbol))
    if (wanted && user) this.#begin(own(nameOf(channel, symbol)), user, wanted.resumesOwn)
  }

  rejected(refusal: RefusedStream): void {
    const name = nameOf(refusal.channel, refusal.symbol)
    const wanted = this.#wanted.get(name)
    if (!wanted) return
    this.#forget(name)
    this.#emitter.emit('rejected', refusal)
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

  #ask(name: string, wanted: Wanted): SubscribeEntry {
    const { snapshot, conflateMs } = wanted.wish
    const entry: SubscribeEntry = target(wanted.wish)
    if (snapshot !== undefined) entry.snapshot = snapshot
    if (conflateMs !== undefined) entry.conflate_ms = conflateMs
    const position = conflateMs === undefined ? this.position(name) : null
    if (position) Object.assign(entry, { since: position.seq, epoch: position.epoch })
    const ownPosition = this.position(name, true)
    if (ownPosition) Object.assign(entry, { user_since: ownPosition.seq, user_epoch: ownPosition.epoch })
    Object.assign(wanted, { asked: true, resumes: position !== null, resumesOwn: ownPosition !== null })
    return entry
  }

  #join({ channel, symbol, epoch, seq, user }: JoinedStream): void {
    const name = nameOf(channel, symbol)
    const wanted = this.#wanted.get(name)
    if (!wanted) return
    wanted.joined = true
    if (epoch !== undefined && seq !== undefined) this.#begin(name, { epoch, seq }, wanted.resumes)
    if (user) this.#begin(own(name), user, wanted.resumesOwn)
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
