import type { Gap, Message } from './backplane.ts'
import { conflatedFrame } from './frames.ts'
import { isWildcard, wildcardOf } from './stream-name.ts'

/*
 * The newest value once an interval, for all who want it that often. A class is an interval; a topic is a stream (or the
 * wildcard) in a class, such as `market-data/AAPL@250`. Each class has one timer, and at its beat publishes the newest message
 * of every stream that had any: once a topic, however many listen.
 *
 * Who joins has had all that was spread so far. What a class still holds of that must not come again, so such a one is put
 * into the topic only at the next beat, and until then is sent alone what is newer.
 */
export interface Conflation {
  take(message: Message): void
  /** Tells the topics of a stream at once, after what they have not had yet. */
  tell(gap: Gap, frame: string): void
  /** @returns how to leave */
  join(stream: string, everyMs: number, listener: ConflatedListener): () => void
  close(): void
}

export interface ConflatedListener {
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  send(frame: string): void
}

export const CONFLATE_MS = [100, 250, 500, 1000, 5000] as const

interface Class {
  everyMs: number
  timer: NodeJS.Timeout
  /** By stream or wildcard. */
  listeners: Map<string, number>
  /** By stream; the newest message, and whether there were others. */
  held: Map<string, { message: Message; leftOut: boolean }>
  joining: Set<Joining>
}

interface Joining {
  stream: string
  listener: ConflatedListener
  /** The numbers of what the class held, that is, of what the listener had. */
  had: Map<string, number>
}

export function createConflation(publish: (topic: string, frame: string) => void): Conflation {
  const classes = new Map<number, Class>()

  function open(everyMs: number): Class {
    const known = classes.get(everyMs)
    if (known) return known
    const timer = setInterval(() => beat(made), everyMs)
    const made: Class = { everyMs, timer, listeners: new Map(), held: new Map(), joining: new Set() }
    classes.set(everyMs, made)
    return made
  }

  function beat(one: Class): void {
    for (const stream of one.held.keys()) release(one, stream)
    for (const { stream, listener } of one.joining) listener.subscribe(topicOf(stream, one))
    one.joining.clear()
  }

  function release(one: Class, stream: string): void {
    const held = one.held.get(stream)
    if (!held) return
    one.held.delete(stream)
    const { message, leftOut } = held
    const frame = leftOut ? conflatedFrame(message.frame) : message.frame
    for (const topic of topicsOf(one, stream)) publish(topic, frame)
    for (const joining of one.joining) {
      const had = joining.had.get(stream) ?? 0
      if (covers(joining.stream, stream) && message.seq > had) joining.listener.send(conflatedFrame(message.frame))
    }
  }

  return {
    take(message) {
      for (const one of classes.values()) {
        const held = one.held.get(message.stream)
        if (held) {
          held.message = message
          held.leftOut = true
        } else if (hasListeners(one, message.stream)) one.held.set(message.stream, { message, leftOut: false })
      }
    },
    tell(gap, frame) {
      for (const one of classes.values()) {
        release(one, gap.stream)
        for (const topic of topicsOf(one, gap.stream)) publish(topic, frame)
        for (const joining of one.joining) {
          if (!covers(joining.stream, gap.stream)) continue
          joining.had.delete(gap.stream)
          joining.listener.send(frame)
        }
      }
    },
    join(stream, everyMs, listener) {
      const one = open(everyMs)
      one.listeners.set(stream, (one.listeners.get(stream) ?? 0) + 1)
      const had = new Map<string, number>()
      for (const [held, { message }] of one.held) if (covers(stream, held)) had.set(held, message.seq)
      const joining: Joining = { stream, listener, had }
      if (had.size === 0) listener.subscribe(topicOf(stream, one))
      else one.joining.add(joining)
      return () => {
        if (!one.joining.delete(joining)) listener.unsubscribe(topicOf(stream, one))
        leave(one, stream)
      }
    },
    close() {
      for (const { timer } of classes.values()) clearInterval(timer)
    },
  }

  function leave(one: Class, stream: string): void {
    const others = (one.listeners.get(stream) ?? 1) - 1
    if (others > 0) one.listeners.set(stream, others)
    else one.listeners.delete(stream)
    if (one.listeners.size > 0) return
    clearInterval(one.timer)
    classes.delete(one.everyMs)
  }
}

function topicOf(stream: string, { everyMs }: Class): string {
  return `${stream}@${everyMs}`
}

function topicsOf(one: Class, stream: string): string[] {
  return [stream, wildcardOf(stream) ?? stream]
    .filter((name, index, names) => names.indexOf(name) === index && one.listeners.has(name))
    .map((name) => topicOf(name, one))
}

function hasListeners({ listeners }: Class, stream: string): boolean {
  if (listeners.has(stream)) return true
  const wildcard = wildcardOf(stream)
  return wildcard !== null && listeners.has(wildcard)
}

function covers(wanted: string, stream: string): boolean {
  return wanted === stream || (isWildcard(wanted) && wildcardOf(stream) === wanted)
}
