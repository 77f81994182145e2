import { useEffect, useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { Overview } from '../../api/shapes.ts'
import { count, milliseconds, rate, share, span, words } from '../../format.ts'
import { Badge } from '../../parts/badge.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Card, Fact, Facts, Page } from '../../parts/page.tsx'
import { ErrorNote, Skeleton } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { type Sample, withSample } from './series.ts'
import { Tile } from './tile.tsx'

const READ_EVERY_MS = 2_000

/** How the system is, for operators. */
export function OperationsView() {
  const { overview, samples, error } = useOverview()
  const board = (
    <a class="button plain" href="/admin/queues" target="_blank" rel="noreferrer">
      <Icon name="out" />
      <span>Queues in Bull Board</span>
    </a>
  )
  return (
    <Page title="Operations" lead="Read every two seconds while this page is open." actions={board}>
      {error && <ErrorNote error={error} />}
      {overview === null && !error && <Skeleton rows={6} />}
      {overview !== null && <Tiles overview={overview} samples={samples} />}
    </Page>
  )
}

function Tiles({ overview, samples }: { overview: Overview; samples: readonly Sample[] }) {
  const newest = samples.at(-1)
  const { attempts, process } = overview
  const isLate = overview.oldest_due_seconds > 60
  return (
    <div class="stack-l">
      <div class="tiles">
        <Tile
          name="Events"
          unit="per second"
          value={newest?.events == null ? '–' : rate(newest.events)}
          samples={samples}
          of="events"
        />
        <Tile
          name="Attempts"
          unit="per second"
          value={rate(attempts.per_second)}
          samples={samples}
          of="attempts"
          note={
            attempts.sample === 0
              ? 'none yet'
              : `${share(attempts.succeeded, attempts.succeeded + attempts.failed)} of the newest succeeded`
          }
        />
        <Tile
          name="Attempt latency"
          unit="median"
          value={attempts.p50_ms === null ? '–' : milliseconds(attempts.p50_ms)}
          samples={samples}
          of="p50"
          note={attempts.p95_ms === null ? '' : `95 % within ${milliseconds(attempts.p95_ms)}`}
        />
        <Tile
          name="First attempt after"
          unit="95 % within"
          value={attempts.first_delay_p95_ms === null ? '–' : milliseconds(attempts.first_delay_p95_ms)}
          samples={samples}
          of="delay"
          note="from acceptance"
        />
        <Tile
          name="Oldest due"
          unit={isLate ? 'late' : 'in time'}
          value={span(overview.oldest_due_seconds * 1000)}
          samples={samples}
          of="oldestDue"
          tone={isLate ? 'bad' : 'good'}
          note={`${count(overview.open_deliveries)} open deliveries`}
        />
        <Tile
          name="Stream messages"
          unit="per second"
          value={newest?.messages == null ? '–' : rate(newest.messages)}
          samples={samples}
          of="messages"
          note={`${count(process.streams)} streams watched`}
        />
        <Tile name="Sockets" unit="open" value={count(process.sockets)} samples={samples} of="sockets" />
        <Tile
          name="Requests"
          unit="per second"
          value={newest?.requests == null ? '–' : rate(newest.requests)}
          samples={samples}
          of="requests"
        />
      </div>
      <div class="split">
        <Card title="Lanes">
          <Facts>
            {Object.entries(overview.lanes_waiting).map(([lane, jobs]) => (
              <Fact key={lane} name={words(lane)}>
                {jobs === null ? 'the queue does not answer' : <span class="num">{count(jobs)} waiting</span>}
              </Fact>
            ))}
          </Facts>
        </Card>
        <Card title="Webhooks held back">
          <Facts>
            <Fact name="Breakers">
              <span class="inline">
                {Object.entries(overview.breakers).map(([state, webhooks]) => (
                  <Badge
                    key={state}
                    tone={webhooks > 0 && state === 'open' ? 'bad' : 'calm'}
                  >{`${webhooks} ${state}`}</Badge>
                ))}
              </span>
            </Fact>
            <Fact name="Slow receivers">
              <span class="num">{count(overview.slow_webhooks)}</span>
            </Fact>
          </Facts>
        </Card>
      </div>
      <p class="fine">
        Sockets, streams and rates are those of the web process that answered, which began{' '}
        <Ago at={process.started_at} />; the others are of all processes. Latencies are of the newest{' '}
        {count(attempts.sample)} attempts.
      </p>
    </div>
  )
}

function useOverview() {
  const [state, setState] = useState<{ overview: Overview | null; samples: readonly Sample[]; error: Error | null }>({
    overview: null,
    samples: [],
    error: null,
  })
  useEffect(() => {
    const opened = new AbortController()
    let timer: ReturnType<typeof setTimeout>
    const read = async () => {
      try {
        const now = await ask<Overview>('GET', '/api/v1/admin/overview', { signal: opened.signal })
        setState((before) => ({
          overview: now,
          samples: withSample(before.samples, before.overview, now),
          error: null,
        }))
      } catch (cause) {
        if (opened.signal.aborted) return
        setState((before) => ({ ...before, error: cause instanceof Error ? cause : new Error(String(cause)) }))
      }
      if (!opened.signal.aborted) timer = setTimeout(() => void read(), READ_EVERY_MS)
    }
    void read()
    return () => {
      opened.abort()
      clearTimeout(timer)
    }
  }, [])
  return state
}
