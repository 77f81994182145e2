import { FORECASTER } from './forecaster.ts'
import type { Series } from './prices.ts'
import type { Turn } from './replay.ts'

/** What the demo says about a turn. All of it carries `demo: true`, the source, the bar's date and the replay's round. */

export interface StreamMessage {
  channel: 'market-data' | 'predictions'
  symbol: string
  data: Record<string, unknown>
}

export interface NewEvent {
  event_type: 'prediction_complete' | 'alert_triggered'
  data: Record<string, unknown>
}

/** A close this far from the one before is worth an alert: about one day in 40 and one month in 6. */
const LARGE_MOVE: Record<Series['interval'], number> = { '1d': 0.03, '1mo': 0.15 }
const HORIZON_DAYS: Record<Series['interval'], number> = { '1d': 1, '1mo': 30 }

export function marketData(turn: Turn): StreamMessage {
  const { series, bar } = turn
  return {
    channel: 'market-data',
    symbol: series.symbol,
    data: { ...bar, price: bar.close, previous_close: turn.previousClose, interval: series.interval, ...origin(turn) },
  }
}

export function predictionMessage(turn: Turn): StreamMessage {
  return { channel: 'predictions', symbol: turn.series.symbol, data: prediction(turn) }
}

export function predictionEvent(turn: Turn): NewEvent {
  return { event_type: 'prediction_complete', data: prediction(turn) }
}

/** Null when the move is an ordinary one. */
export function alertEvent(turn: Turn): NewEvent | null {
  const { series, bar, previousClose } = turn
  const move = bar.close / previousClose - 1
  const threshold = LARGE_MOVE[series.interval]
  if (Math.abs(move) < threshold) return null
  const period = series.interval === '1d' ? 'day' : 'month'
  return {
    event_type: 'alert_triggered',
    data: {
      symbol: series.symbol,
      message: `${series.symbol} moved ${percent(move)} in the ${period} of ${bar.date} (demo replay)`,
      type: 'large_move',
      severity: severity(Math.abs(move) / threshold),
      actual_value: Number(move.toFixed(6)),
      threshold_value: threshold,
      ...origin(turn),
    },
  }
}

function prediction(turn: Turn): Record<string, unknown> {
  return {
    symbol: turn.series.symbol,
    ...turn.forecast,
    prediction_horizon: HORIZON_DAYS[turn.series.interval],
    model_version: FORECASTER,
    ...origin(turn),
  }
}

function origin({ series, bar, round }: Turn): Record<string, unknown> {
  return { date: bar.date, demo: true, source: series.source, replay: round }
}

function severity(timesTheThreshold: number): string {
  if (timesTheThreshold >= 3) return 'critical'
  return timesTheThreshold >= 2 ? 'high' : 'medium'
}

function percent(fraction: number): string {
  return `${fraction > 0 ? '+' : ''}${(fraction * 100).toFixed(1)} %`
}
