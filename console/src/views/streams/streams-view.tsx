import { useEffect, useState } from 'preact/hooks'
import { Page } from '../../parts/page.tsx'
import { Skeleton } from '../../parts/states.tsx'
import { session } from '../../session/session.ts'
import { useSignal } from '../../signal.ts'
import { followAlerts, followSymbol, recallAlerts, recallSymbol } from '../../streams/market.ts'
import { emptyQuotes, type Quotes } from '../../streams/quotes.ts'
import { proposeSymbols, watchlist } from '../../streams/watchlist.ts'
import { AlertsCard } from './alerts-card.tsx'
import { ChartCard } from './chart-card.tsx'
import { StreamFacts } from './stream-facts.tsx'
import { WatchList } from './watch-list.tsx'

export function StreamsView({ symbol }: { symbol: string | null }) {
  const symbols = useSignal(watchlist)
  const quotes = useQuotes(symbols ?? [])
  const shown = symbol ?? symbols?.[0] ?? null
  useEffect(() => {
    const opened = new AbortController()
    void proposeSymbols(opened.signal)
    void recallAlerts(opened.signal).catch(() => undefined)
    const stop = followAlerts()
    return () => {
      opened.abort()
      stop()
    }
  }, [])
  return (
    <Page title="Streams" lead="Prices and predictions as they come, over one connection.">
      {symbols === null ? (
        <Skeleton rows={6} />
      ) : (
        <div class="streams">
          <WatchList symbols={symbols} quotes={quotes} shown={shown} />
          <div class="streams-main">
            {shown !== null && <ChartCard key={shown} quotes={quotes.get(shown) ?? emptyQuotes(shown)} />}
            <StreamFacts symbol={shown} quotes={shown === null ? undefined : quotes.get(shown)} />
          </div>
          <AlertsCard />
        </div>
      )}
    </Page>
  )
}

/** What is known stays while another view is open, so that coming back costs no request and loses no chart. */
const kept = new Map<string, Quotes>()
session.subscribe(() => kept.clear())

/** Of all symbols that are watched; redrawn at most once in a frame, however fast they come. */
function useQuotes(symbols: readonly string[]): ReadonlyMap<string, Quotes> {
  const [shown, setShown] = useState<ReadonlyMap<string, Quotes>>(() => new Map(kept))
  const names = symbols.join(' ')
  useEffect(() => {
    const opened = new AbortController()
    let frame = 0
    const change = (symbol: string) => (how: (before: Quotes) => Quotes) => {
      kept.set(symbol, how(kept.get(symbol) ?? emptyQuotes(symbol)))
      frame ||= requestAnimationFrame(() => {
        frame = 0
        setShown(new Map(kept))
      })
    }
    const stops = names
      .split(' ')
      .filter(Boolean)
      .map((symbol) => {
        if (!kept.has(symbol)) recallSymbol(symbol, opened.signal).then(change(symbol), () => undefined)
        return followSymbol(symbol, change(symbol))
      })
    return () => {
      opened.abort()
      cancelAnimationFrame(frame)
      for (const stop of stops) stop()
    }
  }, [names])
  return shown
}
