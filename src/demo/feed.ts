import { uuidv7 } from '../ids.ts'
import type { Logger } from '../telemetry/log.ts'
import {
  alertEvent,
  marketData,
  type NewEvent,
  predictionEvent,
  predictionMessage,
  type StreamMessage,
} from './announcements.ts'
import { createBudget } from './budget.ts'
import { pause } from './pause.ts'
import { loadPrices, type Prices } from './prices.ts'
import { createProducer, type Producer } from './producer.ts'
import { replay, type Turn } from './replay.ts'

/**
 * Events are stored and delivered, so whatever the pace at most two a second are made, alerts first. Forecasts over that
 * go as messages (streamed, not stored), alerts over it are left out; the index's daily forecasts are always messages.
 */
const EVENTS_PER_SECOND = 2
/** Above this pace several steps share one request. */
const TICKS_PER_SECOND = 20

export interface DemoFeed {
  /** False when there are no prices to replay; the reason is in the log. */
  running: boolean
  stop(): Promise<void>
}

/**
 * Replays real prices through the public API of `baseUrl`, `barsPerSecond` steps a second (a step is one day of ^GSPC and
 * one month of a share), until stopped. While the API is away or says "later" the replay waits; it never throws.
 */
export async function startDemoFeed(options: {
  baseUrl: string
  token: () => string
  barsPerSecond: number
  log: Logger
  prices?: Prices
}): Promise<DemoFeed> {
  const prices = options.prices ?? loadPrices()
  if (!prices.found) {
    options.log.warn({ reason: prices.reason }, 'demo.off')
    return { running: false, stop: async () => {} }
  }
  const producer = createProducer(options)
  const stopping = new AbortController()
  const steps = replay(prices.daily, prices.monthly)
  const running = run({ ...options, producer, steps, signal: stopping.signal }).catch((error: unknown) => {
    options.log.error({ err: error }, 'demo.failed')
  })
  return {
    running: true,
    async stop() {
      stopping.abort()
      await producer.close()
      await running
    },
  }
}

interface Run {
  producer: Producer
  steps: Generator<readonly Turn[], never>
  barsPerSecond: number
  signal: AbortSignal
}

async function run({ producer, steps, barsPerSecond, signal }: Run): Promise<void> {
  const stepsPerTick = Math.max(1, Math.round(barsPerSecond / TICKS_PER_SECOND))
  const tickMs = (1000 * stepsPerTick) / barsPerSecond
  const budget = createBudget({ perSecond: EVENTS_PER_SECOND, burst: 2 * EVENTS_PER_SECOND, now: Date.now })
  const runId = uuidv7()
  for (let due = Date.now(); !signal.aborted; due = Math.max(due + tickMs, Date.now())) {
    const turns = Array.from({ length: stepsPerTick }, () => steps.next().value).flat()
    const { messages, events } = divide(turns, budget.take)
    await producer.publish(messages)
    for (const { event, turn } of events) {
      const { series, bar, round } = turn
      await producer.publishEvent(event, `demo:${runId}:${round}:${series.symbol}:${bar.date}:${event.event_type}`)
    }
    await pause(due + tickMs - Date.now(), signal)
  }
}

interface Division {
  messages: StreamMessage[]
  events: { event: NewEvent; turn: Turn }[]
}

/** What is streamed only and what is stored too, as the budget of events allows. */
export function divide(turns: readonly Turn[], takeEvent: () => boolean): Division {
  const division: Division = { messages: turns.map(marketData), events: [] }
  for (const turn of turns) {
    const event = alertEvent(turn)
    if (event !== null && takeEvent()) division.events.push({ event, turn })
  }
  for (const turn of turns) {
    const isShare = turn.series.interval === '1mo'
    if (isShare && takeEvent()) division.events.push({ event: predictionEvent(turn), turn })
    else division.messages.push(predictionMessage(turn))
  }
  return division
}
