import type { Principal } from '../identity/principal.ts'
import { BackplaneAway } from '../streams/publisher.ts'
import { CLOSE, type Refusal } from './close-codes.ts'
import type { TokenJudge } from './judge-token.ts'
import { type AccessRules, denialOf } from './stream-access.ts'
import type { Subscriber } from './subscriber.ts'

export interface AuthFrame {
  token: string
  id?: string | number | undefined
}

export interface AuthRules extends AccessRules {
  judge: TokenJudge
  /** Told of a socket that was nobody's and now is a user's, or has another token of its user. */
  onUser: (subscriber: Subscriber) => Promise<void>
  close: (subscriber: Subscriber, code: number, reason: string) => void
}

/**
 * A new token for an open socket: it takes the place of the one before, makes an anonymous socket its user's, or lets in one
 * that waits for it. A token that is not good changes nothing, but that who waits is not let in; one of another user ends the
 * socket, which otherwise would go on with what is not that user's.
 */
export async function answerAuth(subscriber: Subscriber, frame: AuthFrame, rules: AuthRules): Promise<void> {
  subscriber.showsToken = true
  try {
    await judge(subscriber, frame, rules)
  } finally {
    subscriber.showsToken = false
  }
}

async function judge(subscriber: Subscriber, frame: AuthFrame, rules: AuthRules): Promise<void> {
  const judged = await rules.judge(frame.token, subscriber.address)
  if (subscriber.state !== 'open') return
  if ('code' in judged) refuse(subscriber, judged, frame, rules)
  else if (subscriber.principal === null) await begin(subscriber, judged, frame, rules)
  else if (subscriber.principal.userId === judged.userId) await renew(subscriber, judged, frame, rules)
  else rules.close(subscriber, CLOSE.forbidden, 'the token is of another user')
}

async function begin(subscriber: Subscriber, principal: Principal, frame: AuthFrame, rules: AuthRules): Promise<void> {
  try {
    await subscriber.become(principal)
  } catch (error) {
    if (!(error instanceof BackplaneAway)) throw error
    return complain(subscriber, frame, 'unavailable', 'The streams are away; try again.')
  }
  if (subscriber.state !== 'open') return
  // From here nothing waits: the numbers that are told are those the next messages follow on.
  const dropped = dropForbidden(subscriber, principal, rules)
  const positions = subscriber.subscriptions.targets().map((target) => subscriber.subscriptions.position(target))
  const subscriptions = positions.filter(({ user }) => user !== undefined)
  subscriber.send(authenticated(principal, frame, { subscriptions, dropped }))
  subscriber.subscriptions.beginOwn()
  await rules.onUser(subscriber)
}

async function renew(subscriber: Subscriber, principal: Principal, frame: AuthFrame, rules: AuthRules): Promise<void> {
  subscriber.renew(principal)
  subscriber.send(authenticated(principal, frame, { dropped: dropForbidden(subscriber, principal, rules) }))
  await rules.onUser(subscriber)
}

function dropForbidden(subscriber: Subscriber, principal: Principal, rules: AuthRules): object[] {
  return subscriber.subscriptions.targets().flatMap((target) => {
    const denial = denialOf(principal, target, rules)
    if (denial === null) return []
    subscriber.subscriptions.leave(target)
    return [{ channel: target.channel, symbol: target.symbol, ...denial }]
  })
}

/** Lists only where they have something. */
function authenticated(principal: Principal, frame: AuthFrame, lists: Record<string, readonly object[]>): object {
  return {
    type: 'authenticated',
    ...tagOf(frame),
    user_id: principal.userId,
    expires_at: principal.expiresAt?.toISOString() ?? null,
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
  }
}

function refuse(subscriber: Subscriber, { code, reason }: Refusal, frame: AuthFrame, rules: AuthRules): void {
  if (subscriber.waitsForToken || code === CLOSE.tooMany) rules.close(subscriber, code, reason)
  else complain(subscriber, frame, WORDS[code] ?? 'unavailable', reason)
}

const WORDS: Record<number, string> = { [CLOSE.unauthorized]: 'unauthorized', [CLOSE.forbidden]: 'forbidden' }

function complain(subscriber: Subscriber, frame: AuthFrame, code: string, message: string): void {
  subscriber.send({ type: 'error', ...tagOf(frame), code, message })
}

function tagOf({ id }: AuthFrame): { id?: string | number } {
  return id === undefined ? {} : { id }
}
