import { setTimeout } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { endWithParent } from './end-with-parent.ts'

/*
 * The producer of a fault run, a process of its own: submits events at a steady rate under an Idempotency-Key each, asks again
 * whenever it does not know (503, a broken connection, silence), and prints one JSON line for each thing it was told.
 *
 *   producer.ts '<ProducerOrder as JSON>'
 */
export interface ProducerOrder {
  base: string
  token: string
  /** Names of submissions begin with it. */
  name: string
  /** Requests a second. */
  rate: number
  /** How many requests in all; without it until SIGTERM. */
  requests?: number
  /** Events in one request. */
  batch?: number
  /** How many identical requests, under one key, at the same time. */
  copies?: number
}

export type ProducerLine =
  | { kind: 'started' }
  | { kind: 'acknowledged'; submission: string; event: string }
  /** Anything but 202 and 503. */
  | { kind: 'refused'; submission: string; status: number; body: string }
  | { kind: 'summary'; requests: number; unavailable: number; broken: number; unknown: number; slowestMs: number }

const MOST_AT_ONCE = 64
const SILENT_AFTER_MS = 10_000
const AGAIN_MS = 250
/** Asked so long after it was first sent, a request stays unknown. */
const GIVE_UP_MS = 90_000

const order = JSON.parse(process.argv[2] ?? '{}') as ProducerOrder
const { batch = 1, copies = 1 } = order
const agent = new Agent({ connections: MOST_AT_ONCE, keepAliveTimeout: 2_000 })
const counts = { requests: 0, unavailable: 0, broken: 0, unknown: 0, slowestMs: 0 }
const underWay = new Set<Promise<void>>()
let stopped = false
process.once('SIGTERM', () => {
  stopped = true
})

endWithParent()
say({ kind: 'started' })
const startedAt = performance.now()
for (let number = 1; !stopped && number <= (order.requests ?? Number.POSITIVE_INFINITY); number += 1) {
  await setTimeout(Math.max(0, startedAt + (number * 1000) / order.rate - performance.now()))
  while (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay)
  for (let copy = 0; copy < copies; copy += 1) track(submit(number))
}
await Promise.all(underWay)
say({ kind: 'summary', ...counts })
await agent.destroy()

function track(work: Promise<void>): void {
  const tracked = work.finally(() => underWay.delete(tracked))
  underWay.add(tracked)
}

async function submit(number: number): Promise<void> {
  const submissions = Array.from({ length: batch }, (_, index) => `${order.name}-${number}-${index}`)
  const events = submissions.map((message) => ({ event_type: 'alert_triggered', data: { symbol: 'AAPL', message } }))
  const body = JSON.stringify(batch === 1 ? events[0] : events)
  const sentAt = performance.now()
  counts.requests += 1
  while (performance.now() - sentAt < GIVE_UP_MS) {
    const answer = await ask(`${order.name}-${number}`, body)
    if (answer?.status === 202) {
      counts.slowestMs = Math.max(counts.slowestMs, Math.round(performance.now() - sentAt))
      return acknowledged(submissions, JSON.parse(answer.text))
    }
    if (answer === null) counts.broken += 1
    else if (answer.status === 503) counts.unavailable += 1
    else return say({ kind: 'refused', submission: submissions[0] ?? '', status: answer.status, body: answer.text })
    await setTimeout(AGAIN_MS)
  }
  counts.unknown += 1
}

/** Null when there was no answer. */
async function ask(key: string, body: string): Promise<{ status: number; text: string } | null> {
  try {
    const response = await request(`${order.base}/api/v1/events${batch === 1 ? '' : '/batch'}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${order.token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body,
      dispatcher: agent,
      headersTimeout: SILENT_AFTER_MS,
      bodyTimeout: SILENT_AFTER_MS,
    })
    return { status: response.statusCode, text: await response.body.text() }
  } catch {
    return null
  }
}

function acknowledged(submissions: readonly string[], answer: { event_id?: string; events?: { event_id: string }[] }) {
  const ids = answer.events?.map(({ event_id }) => event_id) ?? [answer.event_id ?? '']
  for (const [index, submission] of submissions.entries()) {
    say({ kind: 'acknowledged', submission, event: ids[index] ?? '' })
  }
}

function say(line: ProducerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
