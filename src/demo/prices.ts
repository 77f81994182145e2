import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** One day of ^GSPC, or one month of a share (whose source has a single price a month, so no open, high, low or volume). */
export interface Bar {
  date: string
  close: number
  open?: number
  high?: number
  low?: number
  volume?: number
}

export interface Series {
  symbol: string
  interval: '1d' | '1mo'
  /** Where the prices come from, for the `source` field of what is published. */
  source: string
  bars: readonly Bar[]
}

export type Prices = { found: true; daily: Series; monthly: readonly Series[] } | { found: false; reason: string }

/** Real prices from the optional dependency `vega-datasets`; a reason for people when it is not installed or not readable. */
export function loadPrices(resolve: (name: string) => string = createRequire(import.meta.url).resolve): Prices {
  try {
    const data = join(dirname(resolve('vega-datasets')), '..', 'data')
    const read = (file: string) => parseCsv(readFileSync(join(data, file), 'utf8'))
    return { found: true, daily: indexDays(read('sp500-2000.csv')), monthly: shareMonths(read('stocks.csv')) }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND'
    return {
      found: false,
      reason: missing
        ? 'The optional dependency vega-datasets, which holds the prices, is not installed.'
        : `The prices of vega-datasets cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

type Row = Record<string, string>

function indexDays(rows: readonly Row[]): Series {
  const bars = rows.map((row) => ({
    date: isoDate(row['date']),
    open: amount(row['open']),
    high: amount(row['high']),
    low: amount(row['low']),
    close: amount(row['close']),
    volume: amount(row['volume']),
  }))
  return { symbol: '^GSPC', interval: '1d', source: 'vega-datasets sp500-2000.csv', bars }
}

function shareMonths(rows: readonly Row[]): Series[] {
  const symbols = [...new Set(rows.map((row) => row['symbol'] ?? ''))].sort()
  return symbols.map((symbol) => ({
    symbol,
    interval: '1mo',
    source: 'vega-datasets stocks.csv',
    bars: rows
      .filter((row) => row['symbol'] === symbol)
      .map((row) => ({ date: isoDate(row['date']), close: amount(row['price']) })),
  }))
}

/** Neither file quotes a value. */
function parseCsv(text: string): Row[] {
  const [header = '', ...lines] = text.trim().split(/\r?\n/)
  const names = header.split(',')
  return lines.map((line) => {
    const values = line.split(',')
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']))
  })
}

function amount(text: string | undefined): number {
  const value = Number(text)
  if (!text || !Number.isFinite(value) || value < 0) throw new Error(`"${text}" is not an amount`)
  return value
}

/** `2000-01-03` stays, `Jan 1 2000` becomes `2000-01-01`. */
function isoDate(text: string | undefined): string {
  const at = Date.parse(`${text} UTC`)
  if (!text || Number.isNaN(at)) throw new Error(`"${text}" is not a date`)
  return new Date(at).toISOString().slice(0, 10)
}
