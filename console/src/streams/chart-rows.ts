import type { Quotes } from './quotes.ts'

/** Columns for the chart: seconds, price, prediction, lower and upper bound. */
type Column = (number | null)[]
export type ChartRows = [at: number[], price: Column, predicted: Column, lower: Column, upper: Column]

/** How far the newest prediction is drawn ahead of the newest price, as a share of what is shown. */
const AHEAD = 0.06

/**
 * One row for each moment something came. A prediction holds until the next one, so it goes on in every row after it; a price is
 * only where it came, and the line joins those.
 */
export function toChartRows({ prices, predictions }: Quotes, spanMs: number): ChartRows {
  const newest = Math.max(prices.at(-1)?.at ?? 0, predictions.at(-1)?.at ?? 0)
  const from = newest - spanMs
  const priceAt = new Map(prices.filter(({ at }) => at >= from).map(({ at, price }) => [at, price]))
  const shown = predictions.filter(({ at }) => at >= from)
  const held = predictions.findLast(({ at }) => at < from)
  const moments = [...new Set([...priceAt.keys(), ...shown.map(({ at }) => at)])].sort((one, other) => one - other)
  const first = moments[0]
  if (first === undefined) return [[], [], [], [], []]
  const ahead = newest + Math.max(1_000, AHEAD * (newest - first))
  const rows: ChartRows = [[], [], [], [], []]
  let next = 0
  let current = held
  for (const at of [...moments, ahead]) {
    for (let point = shown[next]; point && point.at <= at; point = shown[++next]) current = point
    rows[0].push(at / 1000)
    rows[1].push(priceAt.get(at) ?? null)
    rows[2].push(current?.price ?? null)
    rows[3].push(current?.lower ?? null)
    rows[4].push(current?.upper ?? null)
  }
  return rows
}
