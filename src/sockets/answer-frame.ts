import { BackplaneAway } from '../streams/publisher.ts'
import { type StreamTarget, streamName, WILDCARD, WILDCARD_CHANNEL } from '../streams/stream-name.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { type AuthRules, answerAuth } from './answer-auth.ts'
import { answerWatch } from './answer-watch.ts'
import { type AskedSubscription, type FrameError, parseClientFrame, whyNoStream } from './client-frames.ts'
import { CLOSE, retryAfter } from './close-codes.ts'
import type { DeliveryWatch } from './delivery-watch.ts'
import { denialOf } from './stream-access.ts'
import type { Subscriber } from './subscriber.ts'
import type { Joined } from './subscription.ts'
import { NO_TOKEN } from './token-lifetime.ts'
import type { Wish } from './wish.ts'

export interface FrameRules extends AuthRules {
  maxSubscriptions: number
  watch: DeliveryWatch
  metrics: Pick<StreamMetrics, 'limited'>
  /** The channel of the socket's path. */
  defaultChannel: string | undefined
}

type Rejection = { channel: string; symbol: string | null } & FrameError

/** Its next socket may change as many in one go as this one could, which had got them back by then. */
const CHANGES_AGAIN_MS = 8_000
const AWAY: FrameError = { code: 'unavailable', message: 'The streams are away; try again.' }

/**
 * Does what a client's frame asks and answers it; a bad frame gets an `error` and the socket stays open.
 * @param text null for a binary frame
 */
export async function answerFrame(subscriber: Subscriber, text: string | null, rules: FrameRules): Promise<void> {
  const frame = parseClientFrame(text, rules.defaultChannel)
  if (subscriber.waitsForToken && (!('type' in frame) || frame.type !== 'auth')) {
    return rules.close(subscriber, CLOSE.unauthorized, NO_TOKEN)
  }
  if ('code' in frame) return subscriber.send({ type: 'error', ...frame })
  if (frame.type === 'pong') return
  if (frame.type === 'ping') return subscriber.send({ type: 'pong', timestamp: new Date().toISOString() })
  if (frame.type === 'auth') return answerAuth(subscriber, frame, rules)
  if (frame.type === 'watch') return answerWatch(subscriber, frame, rules.watch)
  if (subscriber.countChanges(frame.asked.length, rules.maxSubscriptions)) {
    rules.metrics.limited('subscription_changes')
    return rules.close(subscriber, CLOSE.tooMany, retryAfter(CHANGES_AGAIN_MS))
  }
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
  const { subscriptions } = subscriber
  const entries = asked.map((one) => ({
    ...one,
    refusal: refusalOf(subscriber, one, rules) ?? coverOf(subscriber, one, asked),
  }))
  const wanted = new Map<string, { target: StreamTarget; wish: Wish; isNew: boolean }>()
  for (const { target, wish, refusal } of entries) {
    const name = target && refusal === null ? streamName(target) : null
    if (target && name !== null && !wanted.has(name))
      wanted.set(name, { target, wish, isNew: !subscriptions.has(target) })
  }
  const fresh = [...wanted.values()].filter(({ isNew }) => isNew)
  if (subscriptions.size + fresh.length > rules.maxSubscriptions) {
    rules.metrics.limited('subscriptions')
    const reason = `at most ${rules.maxSubscriptions} subscriptions a socket`
    return rules.close(subscriber, CLOSE.tooManySubscriptions, reason)
  }
  const away = await prepareAll(subscriber, [...wanted.values()])
  if (subscriber.state !== 'open') return
  // From here to the end nothing waits: the numbers that are told are those the next messages follow on.
  const rejected = entries.flatMap(({ channel, symbol, target, refusal }) => {
    const why = refusal ?? (target && away.has(streamName(target)) ? AWAY : null)
    return why === null ? [] : [{ channel, symbol, ...why }]
  })
  const accepted = entries.flatMap(({ target, refusal }) =>
    target && refusal === null && !away.has(streamName(target)) ? [subscriptions.position(target)] : [],
  )
  subscriber.send(answer('subscribed', accepted, rejected, reply))
  for (const [name, { target, wish, isNew }] of wanted) {
    if (!away.has(name)) start(subscriber, target, wish, isNew)
  }
}

/** @returns the names of the streams that are away */
async function prepareAll(
  subscriber: Subscriber,
  wanted: readonly { target: StreamTarget; wish: Wish; isNew: boolean }[],
): Promise<ReadonlySet<string>> {
  const away = new Set<string>()
  await Promise.all(
    wanted.map(async ({ target, wish, isNew }) => {
      if (!isNew && !isAnother(wish)) return
      try {
        await subscriber.subscriptions.prepare(target, wish)
      } catch (error) {
        if (!(error instanceof BackplaneAway)) throw error
        away.add(streamName(target))
      }
    }),
  )
  return away
}

function start({ subscriptions }: Subscriber, target: StreamTarget, wish: Wish, isNew: boolean): void {
  if (isNew || isAnother(wish)) subscriptions.begin(target, wish)
  else if (wish.snapshot) subscriptions.snapshot(target)
}

/** Asked for again with a number to go on from or another interval, a subscription begins again. */
function isAnother({ since, userSince, conflateMs }: Wish): boolean {
  return since !== undefined || userSince !== undefined || conflateMs !== undefined
}

/** A wildcard brings a symbol's new messages at once, and those from before would come in between. */
function coverOf(
  { subscriptions }: Subscriber,
  { target, wish }: AskedSubscription,
  asked: readonly AskedSubscription[],
): FrameError | null {
  if (!wish.since || target?.channel !== WILDCARD_CHANNEL) return null
  const wildcard: StreamTarget = { channel: WILDCARD_CHANNEL, symbol: WILDCARD }
  if (!subscriptions.has(wildcard) && !asked.some((one) => one.target?.symbol === WILDCARD)) return null
  return { code: 'covered_by_wildcard', message: 'Go on with a symbol first, then subscribe to the wildcard.' }
}

function refusalOf({ principal }: Subscriber, asked: AskedSubscription, rules: FrameRules): FrameError | null {
  return asked.target === null
    ? { code: 'no_such_stream', message: whyNoStream(asked) }
    : denialOf(principal, asked.target, rules)
}

function unsubscribe(subscriber: Subscriber, asked: readonly AskedSubscription[], reply: Reply): void {
  const { subscriptions } = subscriber
  const accepted: Joined[] = []
  const rejected: Rejection[] = []
  for (const { target, channel, symbol } of asked) {
    if (target !== null && subscriptions.has(target)) {
      accepted.push(subscriptions.position(target))
      subscriptions.leave(target)
    } else rejected.push({ channel, symbol, code: 'not_subscribed', message: 'There is no such subscription.' })
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
