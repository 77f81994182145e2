import { count, span } from '../../format.ts'
import { Card, Fact, Facts } from '../../parts/page.tsx'
import { useNow } from '../../parts/time.tsx'
import { useSignal } from '../../signal.ts'
import { closeText, gapText } from '../../streams/connection-state.tsx'
import { connection, gaps, troubles } from '../../streams/live.ts'
import type { Quotes } from '../../streams/quotes.ts'

/** What the connection is doing: that nothing is missing can be seen here, and so can what is. */
export function StreamFacts({ symbol, quotes }: { symbol: string | null; quotes: Quotes | undefined }) {
  const now = useNow()
  const current = useSignal(connection)
  const told = useSignal(gaps)
  const trouble = useSignal(troubles)
  return (
    <Card title="Connection">
      <Facts>
        <Fact name="State">
          <span class="state-text" data-testid="connection-state">
            {current.state}
          </span>{' '}
          for {span(now - current.since)}
        </Fact>
        <Fact name="Reconnects">
          <span class="num" data-testid="reconnects">
            {current.reconnects}
          </span>
        </Fact>
        <Fact name={`Messages of ${symbol ?? 'none'}`}>
          <span class="num">{count(quotes?.messages ?? 0)}</span>
        </Fact>
        <Fact name="Sequence">
          <span class="num" data-testid="sequence">
            {quotes?.priceSeq ?? '–'}
          </span>{' '}
          <span class="fine">market-data</span> · <span class="num">{quotes?.predictionSeq ?? '–'}</span>{' '}
          <span class="fine">predictions</span>
        </Fact>
        <Fact name="Gaps">{told.length === 0 ? 'none: every message came' : String(told.length)}</Fact>
        {current.lastClose && <Fact name="Last close">{closeText(current.lastClose, now)}</Fact>}
      </Facts>
      {told.length > 0 && (
        <ul class="gaps">
          {told.slice(0, 5).map((one) => (
            <li key={`${one.at}${one.gap.channel}${one.gap.symbol}${one.gap.from}`}>{gapText(one, now)}</li>
          ))}
        </ul>
      )}
      {trouble && <p class="field-error">{trouble}</p>}
    </Card>
  )
}
