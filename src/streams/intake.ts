import { BackplaneAway, type OutgoingMessage, type Publisher } from './publisher.ts'

/*
 * What producers publish, on its way to the backplane. While a call to the backplane is under way the next messages gather, so
 * the busier it is the more of them share one call. They keep the order in which they came.
 *
 * Nothing is lost without a word: what does not fit is refused as a whole before any of it was taken, and when the backplane
 * is away all that waits is refused, so that a producer who sends again what was refused keeps its order.
 */
export interface Intake extends Publisher {
  /**
   * @throws TooFarBehind, in the turn of the call: nothing of it was taken
   * @throws BackplaneAway; of a call that was under way some may have been published
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void>
  /** Messages that wait or are under way. */
  behind(): number
  /** Whether producers should go more slowly. */
  isBehind(): boolean
  /** About how long until what waits now has been published. */
  retryAfterMs(): number
}

export class TooFarBehind extends Error {
  readonly behind: number
  readonly retryAfterMs: number

  constructor(behind: number, retryAfterMs: number) {
    super(`${behind} messages wait to be published.`)
    this.name = 'TooFarBehind'
    this.behind = behind
    this.retryAfterMs = retryAfterMs
  }
}

interface Submission {
  messages: readonly OutgoingMessage[]
  done: () => void
  failed: (error: unknown) => void
}

/** So many messages make a call, and a little more when the last submission is larger. */
const MESSAGES_A_CALL = 1000
/** While Redis works on one call, the next is on its way. One connection keeps their order. */
const CALLS_AT_ONCE = 2
/** Producers are told to go more slowly from this share of what may wait. */
const BEHIND = 0.5
/** Until the rate is known, and when what is behind never seems to end. */
const LEAST_RETRY_MS = 100
const MOST_RETRY_MS = 10_000

export function createIntake(backplane: Publisher, limits: { messages: number; bytes: number }): Intake {
  const waiting: Submission[] = []
  let calls = 0
  let behind = 0
  let bytes = 0
  /** Messages a millisecond, as the last calls had it. */
  let rate = 0

  function pump(): void {
    while (calls < CALLS_AT_ONCE && waiting.length > 0) {
      // With one call under way a small second one would only take from the next what it could have shared.
      if (calls > 0 && behind < 2 * MESSAGES_A_CALL) return
      void call(takeBatch())
    }
  }

  function takeBatch(): Submission[] {
    let count = 0
    const end = waiting.findIndex(({ messages }) => {
      count += messages.length
      return count >= MESSAGES_A_CALL
    })
    return waiting.splice(0, end < 0 ? waiting.length : end + 1)
  }

  async function call(batch: readonly Submission[]): Promise<void> {
    const messages = batch.length === 1 ? (batch[0]?.messages ?? []) : batch.flatMap((one) => one.messages)
    const began = performance.now()
    calls += 1
    try {
      await backplane.publish(messages)
      measure(messages.length, performance.now() - began)
      finish(batch, ({ done }) => done())
    } catch (error) {
      finish(batch, ({ failed }) => failed(error))
      if (error instanceof BackplaneAway) finish(waiting.splice(0), ({ failed }) => failed(error))
    } finally {
      calls -= 1
      pump()
    }
  }

  function finish(batch: readonly Submission[], tell: (submission: Submission) => void): void {
    for (const submission of batch) {
      behind -= submission.messages.length
      bytes -= bytesOf(submission.messages)
      tell(submission)
    }
  }

  function measure(count: number, ms: number): void {
    const now = count / Math.max(ms, 1)
    rate = rate === 0 ? now : 0.8 * rate + 0.2 * now
  }

  function retryAfterMs(): number {
    if (rate === 0) return LEAST_RETRY_MS
    return Math.round(Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, behind / rate)))
  }

  return {
    publish(messages) {
      const size = bytesOf(messages)
      const isFull = behind + messages.length > limits.messages || bytes + size > limits.bytes
      // However large, a submission is taken when nothing else waits.
      if (isFull && behind > 0) return Promise.reject(new TooFarBehind(behind, retryAfterMs()))
      behind += messages.length
      bytes += size
      return new Promise((done, failed) => {
        waiting.push({ messages, done, failed })
        pump()
      })
    },
    behind: () => behind,
    isBehind: () => behind > BEHIND * limits.messages || bytes > BEHIND * limits.bytes,
    retryAfterMs,
  }
}

/** What the data takes; the rest of a message is small beside it. */
function bytesOf(messages: readonly OutgoingMessage[]): number {
  return messages.reduce((sum, { data }) => sum + data.length, 0)
}
