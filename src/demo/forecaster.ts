/**
 * Holt's linear smoothing of the logarithm of a price: a baseline, not a model to trade on. It keeps a level and a trend;
 * the forecast of the next bar is their sum. Everything it says about itself comes from its own past one-step forecasts:
 * `confidence` is the share of them whose direction was right (one right and one wrong are added, so few forecasts say
 * little), and the bounds are the 10 % and 90 % quantiles of their errors. On real prices the confidence stays near 0.5.
 *
 * A forecaster is a value: `observe` returns the next one and knows only the prices given so far, so it cannot look ahead.
 */
export const FORECASTER = 'holt-linear-baseline-1'

const LEVEL_WEIGHT = 0.8
const TREND_WEIGHT = 0.1
/** How many of its past forecasts it judges itself by. */
const REMEMBERED = 60
/** Fewer errors than this say nothing about their quantiles. */
const ERRORS_FOR_BOUNDS = 8

export interface Forecaster {
  readonly level: number
  readonly trend: number
  /** Logarithm of the newest price; null before the first. */
  readonly last: number | null
  /** Logarithms of price over forecast, oldest first. */
  readonly errors: readonly number[]
  /** Whether each past forecast named the direction; a price that did not move judges nothing. */
  readonly directions: readonly boolean[]
}

export interface Forecast {
  predicted_price: number
  current_price: number
  /** A fraction: 0.05 is 5 %. */
  predicted_return: number
  confidence: number
  lower_bound?: number
  upper_bound?: number
}

export const newForecaster: Forecaster = { level: 0, trend: 0, last: null, errors: [], directions: [] }

export function observe(forecaster: Forecaster, price: number): Forecaster {
  const value = Math.log(price)
  if (forecaster.last === null) return { ...forecaster, level: value, last: value }
  const expected = forecaster.level + forecaster.trend
  const error = value - expected
  const moved = Math.sign(value - forecaster.last)
  const judged = moved === 0 ? [] : [Math.sign(expected - forecaster.last) === moved]
  return {
    level: expected + LEVEL_WEIGHT * error,
    trend: forecaster.trend + LEVEL_WEIGHT * TREND_WEIGHT * error,
    last: value,
    errors: [...forecaster.errors, error].slice(-REMEMBERED),
    directions: [...forecaster.directions, ...judged].slice(-REMEMBERED),
  }
}

/** The forecast of the next bar, or null before the first price. */
export function forecastNext(forecaster: Forecaster): Forecast | null {
  if (forecaster.last === null) return null
  const expected = forecaster.level + forecaster.trend
  const right = forecaster.directions.filter(Boolean).length
  return {
    predicted_price: rounded(Math.exp(expected), 4),
    current_price: rounded(Math.exp(forecaster.last), 4),
    predicted_return: rounded(Math.expm1(expected - forecaster.last), 6),
    confidence: rounded((right + 1) / (forecaster.directions.length + 2), 4),
    ...bounds(expected, forecaster.errors),
  }
}

function bounds(expected: number, errors: readonly number[]): Pick<Forecast, 'lower_bound' | 'upper_bound'> {
  if (errors.length < ERRORS_FOR_BOUNDS) return {}
  const sorted = errors.toSorted((a, b) => a - b)
  return {
    lower_bound: rounded(Math.exp(expected + Math.min(0, quantile(sorted, 0.1))), 4),
    upper_bound: rounded(Math.exp(expected + Math.max(0, quantile(sorted, 0.9))), 4),
  }
}

/** Linear between the neighbours, of a sorted list that is not empty. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)] ?? 0
  const above = sorted[Math.ceil(place)] ?? below
  return below + (above - below) * (place - Math.floor(place))
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
