import { type Forecast, forecastNext, newForecaster, observe } from './forecaster.ts'
import type { Bar, Series } from './prices.ts'

/** A bar as the replay shows it: with what was known at its close and nothing later. */
export interface Turn {
  series: Series
  bar: Bar
  previousClose: number
  /** Of the bar after this one. */
  forecast: Forecast
  /** 1 the first time through the series. */
  round: number
}

/** Bars at the start of each round that only teach the forecaster, so that its first published forecast has bounds. */
export const WARM_UP_BARS = 12

/**
 * Steps without end: each is the next day of the index and the next month of one share, the shares taking turns. With five
 * shares and two steps a second each share moves every 2.5 s. Every series starts again at its own end, in a new round.
 */
export function* replay(daily: Series, monthly: readonly Series[]): Generator<readonly Turn[], never> {
  const index = turns(daily)
  const shares = monthly.map(turns)
  for (let step = 0; ; step += 1) {
    const share = shares[step % shares.length]
    yield share === undefined ? [index.next().value] : [index.next().value, share.next().value]
  }
}

/** A round begins with a new forecaster: one that remembered the round before would know the future. */
function* turns(series: Series): Generator<Turn, never> {
  if (series.bars.length <= WARM_UP_BARS) throw new Error(`${series.symbol} has too few bars to replay`)
  for (let round = 1; ; round += 1) {
    let forecaster = newForecaster
    let previousClose: number | null = null
    for (const [index, bar] of series.bars.entries()) {
      forecaster = observe(forecaster, bar.close)
      const forecast = forecastNext(forecaster)
      if (index >= WARM_UP_BARS && forecast !== null && previousClose !== null) {
        yield { series, bar, previousClose, forecast, round }
      }
      previousClose = bar.close
    }
  }
}
