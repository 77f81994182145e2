import { useState } from 'preact/hooks'
import { price, signedPercent } from '../../format.ts'
import { Icon } from '../../parts/icon.tsx'
import { useFlash } from '../../parts/time.tsx'
import { go, Link } from '../../router.tsx'
import type { Quotes } from '../../streams/quotes.ts'
import { addSymbol, removeSymbol } from '../../streams/watchlist.ts'

export function WatchList({
  symbols,
  quotes,
  shown,
}: {
  symbols: readonly string[]
  quotes: ReadonlyMap<string, Quotes>
  shown: string | null
}) {
  return (
    <section class="card flush watch-list" aria-label="Symbols">
      <ul>
        {symbols.map((symbol) => (
          <li key={symbol}>
            <Row symbol={symbol} quotes={quotes.get(symbol)} isShown={symbol === shown} />
          </li>
        ))}
      </ul>
      <AddSymbol />
    </section>
  )
}

function Row({ symbol, quotes, isShown }: { symbol: string; quotes: Quotes | undefined; isShown: boolean }) {
  const newest = quotes?.prices.at(-1)?.price
  const before = quotes?.prices.at(-2)?.price
  const prediction = quotes?.predictions.at(-1)
  const flashes = useFlash(newest)
  const direction =
    newest === undefined || before === undefined || newest === before ? 'same' : newest > before ? 'up' : 'down'
  return (
    <div class="watch-row" data-shown={isShown}>
      <Link to={`/streams/${encodeURIComponent(symbol)}`} aria-current={isShown ? 'true' : undefined}>
        <strong>{symbol}</strong>
        <span class={`num price ${direction}`} data-flash={flashes}>
          {newest === undefined ? '–' : price(newest)}
        </span>
        <span class="fine">{prediction ? `→ ${price(prediction.price)}` : 'no prediction yet'}</span>
        <span class={`num fine ${toneOf(prediction?.change)}`}>
          {prediction?.change == null ? '' : signedPercent(prediction.change)}
        </span>
      </Link>
      <button
        type="button"
        class="icon-button"
        aria-label={`Stop watching ${symbol}`}
        title="Stop watching"
        onClick={() => {
          removeSymbol(symbol)
          if (isShown) go('/', { replace: true })
        }}
      >
        <Icon name="cross" />
      </button>
    </div>
  )
}

function AddSymbol() {
  const [text, setText] = useState('')
  const [error, setError] = useState<string | null>(null)
  const add = (event: SubmitEvent) => {
    event.preventDefault()
    const refused = addSymbol(text)
    setError(refused)
    if (refused !== null) return
    go(`/streams/${encodeURIComponent(text.trim().toUpperCase())}`)
    setText('')
  }
  return (
    <form class="add-symbol" onSubmit={add}>
      <div class="inline">
        <input
          aria-label="Symbol to watch"
          placeholder="Add a symbol"
          value={text}
          maxLength={20}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={error !== null}
          aria-describedby="add-symbol-error"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="icon-button framed" aria-label="Watch this symbol">
          <Icon name="plus" />
        </button>
      </div>
      <p id="add-symbol-error" class="field-error" role="alert">
        {error}
      </p>
    </form>
  )
}

function toneOf(change: number | null | undefined): string {
  // What is shown as 0.00 % is neither.
  if (change == null || Math.abs(change) < 0.00005) return ''
  return change > 0 ? 'up' : 'down'
}
