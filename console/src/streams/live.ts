import {
  connectStreams,
  type DeliveryAttempt,
  type StateChange,
  type StreamClient,
  type StreamEvents,
} from '../../../client/src/index.ts'
import { session } from '../session/session.ts'
import { createSignal } from '../signal.ts'

/** The one socket of the console, as its indicator shows it. */
export interface Connection extends StateChange {
  /** Unix milliseconds: since when it is so, and when the next attempt is made. */
  since: number
  retryAt: number | null
  reconnects: number
  /** How the socket before this one ended. */
  lastClose: { code: number; reason: string; at: number } | null
}

export interface ToldGap {
  at: number
  gap: StreamEvents['gap']
}

const MOST_GAPS = 50

export const connection = createSignal(unopened())
export const gaps = createSignal<readonly ToldGap[]>([])
export const troubles = createSignal<string | null>(null)

let client: StreamClient | null = null
/** What becomes of a view that asks before there is a session, or over two of them. */
const whenConnected = new Set<(client: StreamClient) => void>()

session.subscribe(open)
open()

/** Runs with the client of now, and with that of every later session; what `use` returns undoes it. */
export function useClient(use: (client: StreamClient) => () => void): () => void {
  let undo: (() => void) | null = null
  const begin = (fresh: StreamClient) => {
    undo?.()
    undo = use(fresh)
  }
  whenConnected.add(begin)
  // One that is closed for good takes nothing more; the next one does.
  if (client && client.state !== 'closed') begin(client)
  return () => {
    whenConnected.delete(begin)
    undo?.()
  }
}

/** Attempts to deliver, as they are made. */
export function watchAttempts(webhookId: string | undefined, listener: (attempt: DeliveryAttempt) => void): () => void {
  return useClient((one) => {
    const watch = one.watchDeliveries(webhookId === undefined ? {} : { webhookId }, listener)
    return () => watch.stop()
  })
}

export function reconnect(): void {
  open()
}

function open(): void {
  client?.close()
  client = null
  gaps.value = []
  connection.value = unopened()
  if (!session.value) return
  const opened = connectStreams({ url: location.origin, token: () => session.value?.token ?? '' })
  client = opened
  opened.on('state', (change) => opened === client && show(change))
  opened.on('gap', (gap) => {
    gaps.value = [{ at: Date.now(), gap }, ...gaps.value].slice(0, MOST_GAPS)
  })
  opened.on('rejected', ({ channel, symbol, message }) => {
    troubles.value = `${channel}${symbol ? `/${symbol}` : ''}: ${message}`
  })
  for (const begin of whenConnected) begin(opened)
}

function show(change: StateChange): void {
  const before = connection.value
  const isBack = change.state === 'connecting' && before.state === 'waiting'
  connection.value = {
    ...change,
    since: Date.now(),
    retryAt: change.retryInMs === undefined ? null : Date.now() + change.retryInMs,
    reconnects: before.reconnects + (isBack ? 1 : 0),
    lastClose:
      change.code === undefined ? before.lastClose : { code: change.code, reason: change.reason ?? '', at: Date.now() },
  }
}

function unopened(): Connection {
  return { state: 'closed', since: Date.now(), retryAt: null, reconnects: 0, lastClose: null }
}
