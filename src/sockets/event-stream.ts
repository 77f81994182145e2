import type { HttpResponse } from 'uWebSockets.js'
import { BodyWriter } from '../bridge/body-writer.ts'
import { positionAfter } from '../streams/frames.ts'
import type { Carrier } from './carrier.ts'
import { CLOSE } from './close-codes.ts'
import { type EventId, formatEventId } from './event-id.ts'
import type { EventListener, EventTopics } from './event-topics.ts'

/*
 * Frames as Server-Sent Events, on a response that goes on. A frame is the `data` of an event; its `id` says where the client
 * stands when it has it, so that the last one, sent back, resumes. Snapshots and what is no message have no id, since they
 * move nothing. What is sent in one turn goes out in one write.
 */
export interface EventStreamDeps {
  topics: EventTopics
  /** Where the client says it stands, when it resumes. */
  since: EventId | null
  /** Conflated streams are state: who comes back begins anew. */
  hasIds: boolean
  /** All has been taken over by the connection. */
  onDrained: () => void
  /** It is over: the code that was told, or 1006 when the client has gone. */
  onEnded: (code: number) => void
}

/** For who is not told otherwise; spread, since many may lose their connections at once. */
const RETRY_MS = { least: 1_000, spread: 2_000 }
/** So that what is held is known; the library does not tell. */
const MOST_AT_ONCE = 256 * 1024
/** A browser comes back by itself; one that was replaced would replace the next. */
const RETRY_REPLACED_MS = 60_000

export class EventStream implements Carrier, EventListener {
  readonly #deps: EventStreamDeps
  readonly #native: HttpResponse
  readonly #writer: BodyWriter
  readonly #topics = new Set<string>()
  #at: EventId | null
  #gathered: string[] = []
  #gatheredLength = 0
  /** Handed over and not taken by the connection yet; then no more is handed over. */
  #held = 0
  #ending: number | null = null
  #over = false

  constructor(native: HttpResponse, deps: EventStreamDeps) {
    this.#deps = deps
    this.#native = native
    this.#at = deps.since
    this.#writer = new BodyWriter(native, { length: undefined, silent: false, onDrain: () => this.#drained() })
    this.#gather(`retry: ${Math.round(RETRY_MS.least + RETRY_MS.spread * Math.random())}\n\n`)
  }

  send(frame: string): void {
    // As a comment it costs the client nothing; see `ping`.
    if (frame.startsWith('{"type":"ping"')) return
    const id = this.#deps.hasIds && this.#move(frame) && this.#at ? `id: ${formatEventId(this.#at)}\n` : ''
    this.#gather(`${id}data: ${frame}\n\n`)
  }

  cork(work: () => void): void {
    work()
  }

  subscribe(topic: string): void {
    this.#topics.add(topic)
    this.#deps.topics.join(topic, this)
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic)
    this.#deps.topics.leave(topic, this)
  }

  getBufferedAmount(): number {
    return this.#gatheredLength + this.#held
  }

  ping(): void {
    this.#gather(': ping\n\n')
  }

  end(code: number, reason: string): void {
    if (this.#over || this.#ending !== null) return
    const retry = retryOf(code, reason)
    const closed = { type: 'closed', code, reason, ...(retry === null ? {} : { retry_after_ms: retry }) }
    this.#gather(`${retry === null ? '' : `retry: ${retry}\n`}data: ${JSON.stringify(closed)}\n\n`)
    this.#ending = code
    this.#flush()
  }

  close(): void {
    if (!this.#over) this.#native.close()
  }

  /** The client has gone. */
  aborted(): void {
    this.#writer.abandon()
    this.#finish(CLOSE.abnormal)
  }

  /** @returns whether the frame says where the client stands */
  #move(frame: string): boolean {
    if (frame.startsWith('{"type":"connected"')) {
      const { epoch, seq, user } = JSON.parse(frame)
      const { shared = { epoch, seq }, own = user } = this.#at ?? {}
      this.#at = user === undefined ? { shared } : { shared, own }
      return true
    }
    const after = positionAfter(frame)
    if (after === null || this.#at === null) return false
    const stream = after.isOwn ? this.#at.own : this.#at.shared
    if (stream === undefined) return false
    stream.seq = after.seq
    if (after.epoch !== undefined) stream.epoch = after.epoch
    return true
  }

  #gather(text: string): void {
    if (this.#over || this.#ending !== null) return
    if (this.#gathered.length === 0 && this.#held === 0) queueMicrotask(() => this.#flush())
    this.#gathered.push(text)
    this.#gatheredLength += text.length
  }

  #flush(): void {
    while (!this.#over && this.#held === 0 && this.#gathered.length > 0) this.#write(this.#takeSome())
  }

  #takeSome(): Buffer {
    let count = 0
    let length = 0
    while (count < this.#gathered.length && length < MOST_AT_ONCE) {
      length += this.#gathered[count]?.length ?? 0
      count += 1
    }
    this.#gatheredLength -= length
    return Buffer.from(this.#gathered.splice(0, count).join(''))
  }

  #write(bytes: Buffer): void {
    const code = this.#gathered.length === 0 ? this.#ending : null
    if (code !== null) this.#writer.end(bytes, () => this.#finish(code))
    else if (!this.#writer.write(bytes)) this.#held = bytes.length
    else if (this.#gathered.length === 0) this.#deps.onDrained()
  }

  /** The connection has room again. */
  #drained(): void {
    this.#held = 0
    if (this.#gathered.length === 0) this.#deps.onDrained()
    else this.#flush()
  }

  #finish(code: number): void {
    if (this.#over) return
    this.#over = true
    this.#gathered = []
    for (const topic of this.#topics) this.#deps.topics.leave(topic, this)
    this.#deps.onEnded(code)
  }
}

/** Null where the client's own pause is good. */
function retryOf(code: number, reason: string): number | null {
  if (code === CLOSE.replaced) return RETRY_REPLACED_MS
  return Number(/"retry_after_ms":(\d+)/.exec(reason)?.[1] ?? Number.NaN) || null
}
