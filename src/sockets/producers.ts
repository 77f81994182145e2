import { type Intake, TooFarBehind } from '../streams/intake.ts'
import { BackplaneAway, type OutgoingMessage } from '../streams/publisher.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { CLOSE } from './close-codes.ts'
import { parsePublishFrame } from './publish-frames.ts'
import type { Subscriber } from './subscriber.ts'

/**
 * The sockets of `/ws/publish`. Every frame is answered, in the order in which they came: `published`, or `error` for a frame
 * of which nothing was published. Frames are not waited for one by one: a socket has as many under way as fit its limits, and
 * what comes beyond them is refused, told how far behind the producer is. A producer is told so before, too.
 */
export interface Producers {
  /** @param text null for a binary frame */
  answer(producer: Subscriber, text: string | null): 'answered' | 'other'
  /** Takes no more of it; resolves when all it sent has its answer. */
  finish(producer: Subscriber): Promise<void>
}

/** Of one socket: what was taken and has no answer yet. */
export const MOST_MESSAGES_UNDER_WAY = 10_000
const MOST_BYTES_UNDER_WAY = 8 * 1024 * 1024
/** From this share of it a producer is told to go more slowly, at most so often. */
const BEHIND = 0.5
const TELL_EVERY_MS = 500
/** One that reads no answers has no use for more of them. */
const MOST_ANSWERS_UNREAD = 1024 * 1024

interface Standing {
  messages: number
  bytes: number
  answers: Promise<void>
  toldAt: number
  finishing: boolean
}

type Answer = { type: 'published' | 'error' } & Record<string, unknown>

export function createProducers(deps: {
  intake: Intake
  metrics: Pick<StreamMetrics, 'publicationRefused'>
  close: (producer: Subscriber, code: number, reason: string) => void
  onError: (error: unknown) => void
}): Producers {
  const { intake, metrics } = deps
  const standings = new WeakMap<Subscriber, Standing>()

  function standingOf(producer: Subscriber): Standing {
    const known = standings.get(producer)
    if (known) return known
    const fresh = {
      messages: 0,
      bytes: 0,
      answers: Promise.resolve(),
      toldAt: Number.NEGATIVE_INFINITY,
      finishing: false,
    }
    standings.set(producer, fresh)
    return fresh
  }

  /** @returns what is answered, at the latest when the backplane has the messages or is given up */
  function take(standing: Standing, text: string | null): Promise<Answer> | 'other' {
    const frame = parsePublishFrame(text, new Date())
    if (frame.kind === 'other') return 'other'
    const tag = frame.id === undefined ? {} : { id: frame.id }
    if (frame.kind === 'bad') {
      metrics.publicationRefused('bad')
      const { code, message, details } = frame
      return Promise.resolve({ type: 'error', ...tag, code, message, ...(details && { details }) })
    }
    const { messages } = frame
    const size = text?.length ?? 0
    if (standing.finishing) {
      return refuse('unavailable', tag, 'This process ends; come back.', { retry_after_ms: AWAY_MS })
    }
    const isFull =
      standing.messages + messages.length > MOST_MESSAGES_UNDER_WAY || standing.bytes + size > MOST_BYTES_UNDER_WAY
    if (isFull) return refuse('slow_down', tag, 'Too much is under way on this socket.', lag(standing))
    standing.messages += messages.length
    standing.bytes += size
    return publish(standing, messages, size, tag)
  }

  async function publish(
    standing: Standing,
    messages: readonly OutgoingMessage[],
    size: number,
    tag: object,
  ): Promise<Answer> {
    try {
      await intake.publish(messages)
      return { type: 'published', ...tag, accepted: messages.length }
    } catch (error) {
      return failed(error, tag)
    } finally {
      standing.messages -= messages.length
      standing.bytes -= size
    }
  }

  function failed(error: unknown, tag: object): Promise<Answer> {
    if (error instanceof TooFarBehind) {
      const { behind, retryAfterMs } = error
      return refuse('slow_down', tag, 'The streams are far behind.', { behind, retry_after_ms: retryAfterMs })
    }
    if (!(error instanceof BackplaneAway)) deps.onError(error)
    return refuse('unavailable', tag, 'The streams are away; send it again.', { retry_after_ms: AWAY_MS })
  }

  async function refuse(code: Refused, tag: object, message: string, more: object = {}): Promise<Answer> {
    metrics.publicationRefused(code)
    return { type: 'error', ...tag, code, message, ...more }
  }

  function lag({ messages }: Standing): { behind: number; retry_after_ms: number } {
    return { behind: Math.max(messages, intake.behind()), retry_after_ms: intake.retryAfterMs() }
  }

  function tellWhenBehind(producer: Subscriber, standing: Standing): void {
    const now = performance.now()
    const isBehind =
      standing.messages > BEHIND * MOST_MESSAGES_UNDER_WAY || standing.bytes > BEHIND * MOST_BYTES_UNDER_WAY
    if ((!isBehind && !intake.isBehind()) || now - standing.toldAt < TELL_EVERY_MS) return
    standing.toldAt = now
    producer.send({ type: 'slow_down', ...lag(standing) })
  }

  return {
    answer(producer, text) {
      const standing = standingOf(producer)
      const taken = take(standing, text)
      if (taken === 'other') return 'other'
      standing.answers = answerAfter(standing.answers, producer, taken)
      tellWhenBehind(producer, standing)
      return 'answered'
    },
    async finish(producer) {
      const standing = standingOf(producer)
      standing.finishing = true
      // What came while this waited was refused, and is told so.
      let last: Promise<void> | undefined
      while (last !== standing.answers) {
        last = standing.answers
        await last
      }
    },
  }

  /** Never rejects: the next answer waits for this one. */
  async function answerAfter(before: Promise<void>, producer: Subscriber, taken: Promise<Answer>): Promise<void> {
    try {
      const answer = await taken
      await before
      send(producer, answer)
    } catch (error) {
      deps.onError(error)
    }
  }

  function send(producer: Subscriber, answer: Answer): void {
    if (producer.state !== 'open') return
    producer.send(answer)
    if (producer.socket.getBufferedAmount() > MOST_ANSWERS_UNREAD) deps.close(producer, CLOSE.tooSlow, 'too slow')
  }
}

type Refused = 'slow_down' | 'unavailable'

const AWAY_MS = 1_000
