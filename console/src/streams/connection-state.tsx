import { useId, useState } from 'preact/hooks'
import { clock, span } from '../format.ts'
import { useNow } from '../parts/time.tsx'
import { useSignal } from '../signal.ts'
import { type Connection, connection, gaps, reconnect, type ToldGap } from './live.ts'

const WORDS = { connecting: 'Connecting', open: 'Live', waiting: 'Reconnecting', closed: 'Disconnected' } as const

/** How the socket is, in a few words; opened, all there is to know about it. */
export function ConnectionState() {
  const now = useNow()
  const current = useSignal(connection)
  const told = useSignal(gaps)
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  return (
    <div class="connection" data-state={current.state}>
      <button
        type="button"
        class="connection-button"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <span class="dot" aria-hidden="true" />
        <span>{WORDS[current.state]}</span>
        <span class="fine">{detail(current, now)}</span>
      </button>
      <span class="visually-hidden" role="status">
        {WORDS[current.state]}
      </span>
      <div id={id} class="connection-more" hidden={!isOpen}>
        <dl class="facts tight">
          <Row name="State">
            {WORDS[current.state]} for {span(now - current.since)}
          </Row>
          <Row name="Reconnects">{String(current.reconnects)}</Row>
          {current.lastClose && <Row name="Last close">{closeText(current.lastClose, now)}</Row>}
          <Row name="Gaps">{told.length === 0 ? 'none' : String(told.length)}</Row>
        </dl>
        {told.length > 0 && (
          <ul class="gaps">
            {told.slice(0, 8).map((one) => (
              <li key={`${one.at}${one.gap.channel}${one.gap.symbol}${one.gap.from}`}>{gapText(one, now)}</li>
            ))}
          </ul>
        )}
        {current.state === 'closed' && (
          <button type="button" class="button plain" onClick={reconnect}>
            <span>Connect again</span>
          </button>
        )}
      </div>
    </div>
  )
}

function Row({ name, children }: { name: string; children: (string | number | undefined)[] | string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function detail({ state, retryAt, reconnects }: Connection, now: number): string {
  if (state === 'waiting' && retryAt !== null) return `in ${span(Math.max(0, retryAt - now))}`
  if (state === 'open' && reconnects > 0) return `${reconnects} reconnect${reconnects === 1 ? '' : 's'}`
  return ''
}

export function closeText({ code, reason, at }: NonNullable<Connection['lastClose']>, now: number): string {
  return `${clock(at, now)} with ${code}${reason === '' ? '' : `, ${reason}`}`
}

export function gapText({ at, gap }: ToldGap, now: number): string {
  const name = gap.symbol === null ? gap.channel : `${gap.channel}/${gap.symbol}`
  if (gap.channel === 'deliveries') return `${clock(at, now)} ${name}: ${gap.to ?? 'some'} not shown`
  return `${clock(at, now)} ${name}: ${gap.to === null ? `from ${gap.from}, numbering began anew` : `${gap.from} to ${gap.to}`}`
}
