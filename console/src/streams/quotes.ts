import type { Alert, MarketDataUpdate, PredictionUpdate } from '../../../client/src/index.ts'
import type { StoredEvent } from '../api/shapes.ts'

export interface PricePoint {
  at: number
  price: number
}

export interface PredictionPoint {
  at: number
  price: number
  lower: number | null
  upper: number | null
  confidence: number
  change: number | null
  model: string | null
  horizonDays: number | null
}

/** What is known of one symbol, oldest first. */
export interface Quotes {
  symbol: string
  prices: readonly PricePoint[]
  predictions: readonly PredictionPoint[]
  messages: number
  /** Of its two streams: the number of the newest message. */
  priceSeq: number | null
  predictionSeq: number | null
}

export interface SeenAlert {
  id: string
  at: number
  symbol: string
  message: string
  severity: string | null
}

const MOST_POINTS = 600
const MOST_ALERTS = 60

export function emptyQuotes(symbol: string): Quotes {
  return { symbol, prices: [], predictions: [], messages: 0, priceSeq: null, predictionSeq: null }
}

export function withPrice(
  before: Quotes,
  { data, timestamp, seq }: Pick<MarketDataUpdate, 'data' | 'timestamp' | 'seq'>,
): Quotes {
  const value = [data['price'], data['close'], data['last'], data['value']].find(isNumber)
  const seen = { ...before, messages: before.messages + 1, priceSeq: seq }
  return value === undefined
    ? seen
    : { ...seen, prices: appended(before.prices, { at: Date.parse(timestamp), price: value }) }
}

export function withPrediction(
  before: Quotes,
  { data, timestamp, seq }: Pick<PredictionUpdate, 'data' | 'timestamp' | 'seq'>,
): Quotes {
  const point = toPrediction(Date.parse(timestamp), data as unknown as Record<string, unknown>)
  const seen = { ...before, messages: before.messages + 1, predictionSeq: seq }
  return point === null ? seen : { ...seen, predictions: appended(before.predictions, point) }
}

export function withHistory(before: Quotes, events: readonly StoredEvent[]): Quotes {
  const oldestFirst = [...events].reverse()
  const predictions = oldestFirst.flatMap(({ timestamp, data }) => toPrediction(Date.parse(timestamp), data) ?? [])
  const prices = oldestFirst.flatMap(({ timestamp, data }) =>
    isNumber(data['current_price']) ? [{ at: Date.parse(timestamp), price: data['current_price'] }] : [],
  )
  return { ...before, prices: inFront(prices, before.prices), predictions: inFront(predictions, before.predictions) }
}

export function withAlert(before: readonly SeenAlert[], alert: SeenAlert): readonly SeenAlert[] {
  if (before.some(({ id }) => id === alert.id)) return before
  return [alert, ...before].sort((one, other) => other.at - one.at).slice(0, MOST_ALERTS)
}

export function toAlert({ data, timestamp, event_id, seq }: Alert): SeenAlert {
  return {
    id: event_id ?? `seq ${seq}`,
    at: Date.parse(timestamp),
    ...readAlert(data as unknown as Record<string, unknown>),
  }
}

export function readAlert(data: Record<string, unknown>) {
  const severity = data['severity']
  return {
    symbol: String(data['symbol'] ?? ''),
    message: String(data['message'] ?? ''),
    severity: typeof severity === 'string' ? severity : null,
  }
}

function toPrediction(at: number, data: Record<string, unknown>): PredictionPoint | null {
  const { predicted_price, lower_bound, upper_bound, confidence, predicted_return, model_version, prediction_horizon } =
    data
  if (!isNumber(predicted_price)) return null
  return {
    at,
    price: predicted_price,
    lower: isNumber(lower_bound) ? lower_bound : null,
    upper: isNumber(upper_bound) ? upper_bound : null,
    confidence: isNumber(confidence) ? confidence : 0,
    change: isNumber(predicted_return) ? predicted_return : null,
    model: typeof model_version === 'string' ? model_version : null,
    horizonDays: isNumber(prediction_horizon) ? prediction_horizon : null,
  }
}

/** A snapshot may be older than what is there. */
function appended<Point extends { at: number }>(points: readonly Point[], point: Point): readonly Point[] {
  const last = points.at(-1)
  if (last && point.at <= last.at) return point.at === last.at ? [...points.slice(0, -1), point] : points
  return [...points, point].slice(-MOST_POINTS)
}

function inFront<Point extends { at: number }>(older: readonly Point[], points: readonly Point[]): readonly Point[] {
  const first = points[0]?.at ?? Number.POSITIVE_INFINITY
  return [...older.filter(({ at }) => at < first), ...points].slice(-MOST_POINTS)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
