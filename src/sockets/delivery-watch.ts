import type { Database } from '../db/database.ts'
import { findDelivery, listAttempts } from '../deliveries/delivery-log.ts'
import { presentMadeAttempt } from '../deliveries/present-made-attempt.ts'
import { findEvent } from '../events/event-log.ts'
import type { Principal } from '../identity/principal.ts'
import { startLoop } from '../loop.ts'
import type { MadeAttempt, WatchedAttempts } from '../streams/watched-attempts.ts'
import { findWebhook, listWebhookIds } from '../webhooks/webhook-store.ts'
import type { Subscriber } from './subscriber.ts'

/**
 * The channel `deliveries`: to a webhook's owner one message for each attempt, read from the log once it was recorded.
 *
 * It is for watching, not for keeping account: it begins when asked for, has no numbers and no history, and leaves out what a
 * slow socket or a busy process cannot take, telling how many (`gap`). So it never slows a delivery or the database down.
 */
export interface DeliveryWatch {
  /** @returns why not, or null */
  begin(subscriber: Subscriber, watch: Watch): Promise<{ code: string; message: string } | null>
  /** @returns false when there was none */
  end(subscriber: Subscriber, webhookId: string | null): boolean
  /** The socket is gone. */
  leave(subscriber: Subscriber): void
  stop(): Promise<void>
}

export interface Watch {
  /** Null: all of the user's own. */
  webhookId: string | null
  withRequest: boolean
}

/** A webhook that is made while all are watched joins them within this. */
const REFRESH_MS = 5_000
const MOST_WATCHES = 100
/** Attempts that wait to be read from the log. */
const MOST_WAITING = 1_000
/** A socket with more waiting to be sent misses messages until it has read on. */
const MOST_BACKLOG = 1024 * 1024

interface Watching {
  /** By webhook, or '' for all of the user's own. */
  watches: Map<string, Watch & { principal: Principal; webhookIds: ReadonlySet<string> }>
  missed: number
}

export function createDeliveryWatch(deps: {
  db: Database
  attempts: Pick<WatchedAttempts, 'onMade' | 'watch'>
  onError: (error: unknown) => void
}): DeliveryWatch {
  const watchers = new Map<Subscriber, Watching>()
  const waiting: MadeAttempt[] = []
  let reading = false
  const refresh = startLoop({ runOnce: refreshAll, everyMs: REFRESH_MS, onError: deps.onError })

  deps.attempts.onMade((made) => {
    if (waiting.length >= MOST_WAITING) return miss(made)
    waiting.push(made)
    if (reading) return
    reading = true
    void readOn()
  })

  async function readOn(): Promise<void> {
    for (let made = waiting.shift(); made !== undefined; made = waiting.shift()) {
      await spread(made).catch(deps.onError)
    }
    reading = false
  }

  async function spread(made: MadeAttempt): Promise<void> {
    const interested = [...watchers].flatMap(([subscriber, watching]) => {
      const watches = [...watching.watches.values()].filter(({ webhookIds }) => webhookIds.has(made.webhookId))
      return watches.length === 0 ? [] : [{ subscriber, watching, full: watches.some((one) => one.withRequest) }]
    })
    if (interested.length === 0) return
    const delivery = await findDelivery(deps.db, made.webhookId, made.deliveryId)
    const attempts = delivery ? await listAttempts(deps.db, made.deliveryId) : []
    const attempt = attempts.find((one) => one.attempt === made.attempt)
    if (!delivery || !attempt) return
    const wantsBody = interested.some(({ full }) => full)
    const reader = { userId: delivery.user_id, seesAll: true }
    const body = wantsBody ? ((await findEvent(deps.db, reader, delivery.event_id))?.canonical ?? '') : ''
    const short = message(presentMadeAttempt(delivery, attempt, null))
    const full = message(presentMadeAttempt(delivery, attempt, body))
    for (const one of interested) send(one.subscriber, one.watching, one.full ? full : short)
  }

  function miss({ webhookId }: MadeAttempt): void {
    for (const watching of watchers.values()) {
      if ([...watching.watches.values()].some(({ webhookIds }) => webhookIds.has(webhookId))) watching.missed += 1
    }
  }

  async function refreshAll(): Promise<undefined> {
    for (const [{ principal }, { watches }] of watchers) {
      for (const [key, watch] of watches) {
        const sameToken = watch.principal === principal
        if (principal === null || (watch.webhookId !== null && sameToken)) continue
        const webhookIds = await findWatched(principal, watch.webhookId)
        if (webhookIds === null) watches.delete(key)
        else watches.set(key, { ...watch, principal, webhookIds })
      }
    }
    tellWatched()
  }

  /** @returns null when there is no such webhook for this user, whose newer token may say less than the older */
  async function findWatched(principal: Principal, webhookId: string | null): Promise<ReadonlySet<string> | null> {
    if (webhookId === null) return new Set(await listWebhookIds(deps.db, principal.userId))
    const owner = { userId: principal.userId, seesAll: principal.role === 'admin' }
    return (await findWebhook(deps.db, owner, webhookId)) === null ? null : new Set([webhookId])
  }

  function tellWatched(): void {
    const watches = [...watchers.values()].flatMap((watching) => [...watching.watches.values()])
    deps.attempts.watch(new Set(watches.flatMap(({ webhookIds }) => [...webhookIds])))
  }

  return {
    async begin(subscriber, watch) {
      const { principal } = subscriber
      if (principal === null) return { code: 'forbidden', message: 'This channel needs a token.' }
      const { webhookId } = watch
      const webhookIds = await findWatched(principal, webhookId)
      if (webhookIds === null) return { code: 'no_such_webhook', message: 'There is no such webhook.' }
      if (subscriber.state !== 'open') return null
      const watching: Watching = watchers.get(subscriber) ?? { watches: new Map(), missed: 0 }
      if (watching.watches.size >= MOST_WATCHES && !watching.watches.has(webhookId ?? '')) {
        return { code: 'too_many_subscriptions', message: `A socket watches at most ${MOST_WATCHES} webhooks.` }
      }
      watching.watches.set(webhookId ?? '', { ...watch, principal, webhookIds })
      watchers.set(subscriber, watching)
      tellWatched()
      return null
    },
    end(subscriber, webhookId) {
      const ended = watchers.get(subscriber)?.watches.delete(webhookId ?? '') ?? false
      if (ended) tellWatched()
      return ended
    },
    leave(subscriber) {
      if (watchers.delete(subscriber)) tellWatched()
    },
    stop: () => refresh.stop(),
  }
}

function message(attempt: object) {
  return { type: 'delivery_attempt', channel: 'deliveries', timestamp: new Date().toISOString(), ...attempt }
}

function send(subscriber: Subscriber, watching: Watching, attempt: object): void {
  if (subscriber.state !== 'open') return
  if (subscriber.socket.getBufferedAmount() > MOST_BACKLOG) {
    watching.missed += 1
    return
  }
  if (watching.missed > 0) subscriber.send({ type: 'gap', channel: 'deliveries', missed: watching.missed })
  watching.missed = 0
  subscriber.send(attempt)
}
