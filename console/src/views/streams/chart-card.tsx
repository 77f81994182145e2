import { useState } from 'preact/hooks'
import { price, signedPercent } from '../../format.ts'
import { Empty } from '../../parts/states.tsx'
import { useFlash } from '../../parts/time.tsx'
import { useSignal } from '../../signal.ts'
import { toChartRows } from '../../streams/chart-rows.ts'
import { connection } from '../../streams/live.ts'
import { alerts } from '../../streams/market.ts'
import type { Quotes } from '../../streams/quotes.ts'
import { PriceChart } from './price-chart.tsx'

const SPANS = [
  [60_000, '1 min'],
  [300_000, '5 min'],
  [3_600_000, '1 h'],
] as const

/** A symbol's price with what was predicted drawn on it. */
export function ChartCard({ quotes }: { quotes: Quotes }) {
  const [spanMs, setSpan] = useState<number>(300_000)
  const isOpen = useSignal(connection).state === 'open'
  const seen = useSignal(alerts)
  const rows = toChartRows(quotes, spanMs)
  const newest = quotes.prices.at(-1)
  const prediction = quotes.predictions.at(-1)
  const flashes = useFlash(newest?.price)
  const marks = seen.filter(({ symbol }) => symbol === quotes.symbol).map(({ at }) => at / 1000)
  return (
    <section class="card chart-card" aria-label={`Price of ${quotes.symbol}`}>
      <header class="chart-head">
        <div>
          <h2>{quotes.symbol}</h2>
          <p class="big num" data-flash={flashes}>
            {newest ? price(newest.price) : '–'}
          </p>
        </div>
        <dl class="chart-facts">
          <div>
            <dt>
              <span class="key-line predicted" /> Prediction
            </dt>
            <dd class="num">{prediction ? price(prediction.price) : '–'}</dd>
          </div>
          <div>
            <dt>
              <span class="key-box" /> Bounds
            </dt>
            <dd class="num">
              {prediction?.lower == null || prediction.upper == null
                ? '–'
                : `${price(prediction.lower)} – ${price(prediction.upper)}`}
            </dd>
          </div>
          <div>
            <dt>Return</dt>
            <dd class="num">{prediction?.change == null ? '–' : signedPercent(prediction.change)}</dd>
          </div>
          <div>
            <dt>Confidence</dt>
            <dd class="num">{prediction ? `${Math.round(prediction.confidence * 100)} %` : '–'}</dd>
          </div>
        </dl>
      </header>
      {rows[0].length < 2 ? (
        <Empty icon="streams" title={isOpen ? `Waiting for ${quotes.symbol}` : 'No connection'}>
          <p class="muted">
            {isOpen
              ? 'The chart begins with the next price or prediction.'
              : 'The chart goes on when the connection is back.'}
          </p>
        </Empty>
      ) : (
        <PriceChart rows={rows} alerts={marks} label={describe(quotes)} />
      )}
      <footer class="chart-foot">
        <fieldset class="segments">
          <legend class="visually-hidden">Time shown</legend>
          {SPANS.map(([ms, text]) => (
            <button key={ms} type="button" aria-pressed={ms === spanMs} onClick={() => setSpan(ms)}>
              {text}
            </button>
          ))}
        </fieldset>
        <p class="fine">{prediction?.model ? `Model ${prediction.model}` : ''}</p>
      </footer>
    </section>
  )
}

function describe({ symbol, prices, predictions }: Quotes): string {
  const newest = prices.at(-1)
  const prediction = predictions.at(-1)
  const parts = [`Chart of ${symbol}`]
  if (newest) parts.push(`newest price ${price(newest.price)}`)
  if (prediction) parts.push(`prediction ${price(prediction.price)}`)
  if (prediction?.lower != null && prediction.upper != null) {
    parts.push(`between ${price(prediction.lower)} and ${price(prediction.upper)}`)
  }
  return parts.join(', ')
}
