import { BackplaneAway } from '../streams/publisher.ts'
import { streamName } from '../streams/stream-name.ts'
import { type AuthRules, answerAuth } from './answer-auth.ts'
import { type AskedSubscription, parseClientFrame } from './client-frames.ts'
import { CLOSE } from './close-codes.ts'
import { denialOf } from './stream-access.ts'
import type { Subscriber } from './subscriber.ts'
import { NO_TOKEN } from './token-lifetime.ts'

export interface FrameRules extends AuthRules {
  maxSubscriptions: number
  /** The channel of the socket's path. */
  defaultChannel: string | undefined
}

type Rejection = { channel: string; symbol: string | null; code: string; message: string }

/** Does what a client's frame asks and answers it; a bad frame gets an `error` and the socket stays open. */
export async function answerFrame(subscriber: Subscriber, text: string, rules: FrameRules): Promise<void> {
  const frame = parseClientFrame(text, rules.defaultChannel)
  if (subscriber.waitsForToken && (!('type' in frame) || frame.type !== 'auth')) {
    return rules.close(subscriber, CLOSE.unauthorized, NO_TOKEN)
  }
  if ('code' in frame) return subscriber.send({ type: 'error', ...frame })
  if (frame.type === 'pong') return
  if (frame.type === 'ping') return subscriber.send({ type: 'pong', timestamp: new Date().toISOString() })
  if (frame.type === 'auth') return answerAuth(subscriber, frame, rules)
  const reply = { id: frame.id, several: frame.several }
  if (frame.type === 'subscribe') await subscribe(subscriber, frame.asked, reply, rules)
  else unsubscribe(subscriber, frame.asked, reply)
}

interface Reply {
  id: string | number | undefined
  several: boolean
}

async function subscribe(
  subscriber: Subscriber,
  asked: readonly AskedSubscription[],
  reply: Reply,
  rules: FrameRules,
): Promise<void> {
  const rejected: Rejection[] = []
  const prepared: (AskedSubscription & { known: boolean })[] = []
  for (const one of asked) {
    const known = one.target !== null && subscriber.subscriptions.has(streamName(one.target))
    const refusal = known ? null : await tryToPrepare(subscriber, one, rules)
    if (subscriber.state !== 'open') return
    if (refusal === null) prepared.push({ ...one, known })
    else rejected.push({ channel: one.channel, symbol: one.symbol, ...refusal })
  }
  // From here to the end nothing waits: the numbers that are told are those the next messages follow on.
  const accepted = prepared.flatMap(({ target }) => (target ? [subscriber.position(target)] : []))
  subscriber.send(answer('subscribed', accepted, rejected, reply))
  for (const { target, snapshot, known } of prepared) {
    if (target && !(known && snapshot === undefined)) subscriber.listen(target, snapshot)
  }
}

async function tryToPrepare(subscriber: Subscriber, one: AskedSubscription, rules: FrameRules) {
  const { target } = one
  if (target === null) return { code: 'no_such_stream', message: 'There is no such stream.' }
  const denial = denialOf(subscriber.principal, target, rules)
  if (denial) return denial
  if (subscriber.subscriptions.size >= rules.maxSubscriptions) {
    subscriber.close(CLOSE.tooManySubscriptions, `at most ${rules.maxSubscriptions} subscriptions a socket`)
    return { code: 'too_many_subscriptions', message: 'There are too many subscriptions.' }
  }
  try {
    await subscriber.prepare(target)
    return null
  } catch (error) {
    if (error instanceof BackplaneAway) return { code: 'unavailable', message: 'The streams are away; try again.' }
    throw error
  }
}

function unsubscribe(subscriber: Subscriber, asked: readonly AskedSubscription[], reply: Reply): void {
  const accepted: { channel: string; symbol: string | null }[] = []
  const rejected: Rejection[] = []
  for (const { target, channel, symbol } of asked) {
    if (target !== null && subscriber.leave(target)) accepted.push(target)
    else rejected.push({ channel, symbol, code: 'not_subscribed', message: 'There is no such subscription.' })
  }
  subscriber.send(answer('unsubscribed', accepted, rejected, reply))
}

/** One subscription is answered by its own fields or an `error`, several by lists. */
function answer(
  type: 'subscribed' | 'unsubscribed',
  accepted: readonly object[],
  rejected: readonly Rejection[],
  { id, several }: Reply,
): object {
  const tag = id === undefined ? {} : { id }
  if (several) return { type, ...tag, accepted, rejected }
  const [refusal] = rejected
  return refusal ? { type: 'error', ...tag, ...refusal } : { type, ...tag, ...accepted[0] }
}
