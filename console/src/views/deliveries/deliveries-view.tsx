import { useEffect, useRef, useState } from 'preact/hooks'
import type { Webhook } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { shortUrl } from '../../format.ts'
import { Button } from '../../parts/button.tsx'
import { Select } from '../../parts/field.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Link, useQuery } from '../../router.tsx'
import { useSignal } from '../../signal.ts'
import { connection, watchAttempts } from '../../streams/live.ts'
import { listWebhooks } from '../webhooks/webhooks-view.tsx'
import { type DeliveryFilter, type DeliveryList, withAttempt } from './delivery-list.ts'
import { DeliveryRows } from './delivery-rows.tsx'
import { FilterBar } from './filter-bar.tsx'
import { listDeliveries, listNewest } from './live-deliveries.ts'

/** Each webhook costs a request, and a small tier has sixty of them a minute. */
const MOST_TOGETHER = 10

export function DeliveriesView() {
  const webhooks = useResource((signal) => listWebhooks('', signal), [])
  return (
    <Page
      title="Deliveries"
      lead="Each event owed to each webhook, with every attempt. New attempts appear as they are made."
    >
      <Shown resource={webhooks}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="deliveries" title="No deliveries yet">
              <p class="muted">They begin with a webhook.</p>
              <Link to="/webhooks/new" class="button primary">
                New webhook
              </Link>
            </Empty>
          ) : (
            <Tail webhooks={list} />
          )
        }
      </Shown>
    </Page>
  )
}

function Tail({ webhooks }: { webhooks: readonly Webhook[] }) {
  const [query, setQuery] = useQuery()
  const chosen = query('webhook')
  const filter: DeliveryFilter = { status: query('status'), event_type: query('event_type'), since: query('since') }
  const together = newestActive(webhooks).slice(0, MOST_TOGETHER)
  const list = useResource(
    (signal) =>
      chosen === ''
        ? listNewest(
            together.map(({ id }) => id),
            filter,
            signal,
          )
        : listDeliveries(chosen, filter, { signal }),
    [chosen, filter, webhooks.length],
  )
  useLive(chosen, filter, list.change)
  useReloadWhenBack(list.reload)
  const urls = new Map(webhooks.map(({ id, url }) => [id, url]))
  const options = webhooks.map(({ id, url }) => [id, shortUrl(url)] as const)
  return (
    <>
      <FilterBar value={query} onChange={setQuery}>
        <Select
          label="Webhook"
          value={chosen}
          onValue={(webhook) => setQuery({ webhook })}
          options={[['', 'All webhooks'], ...options]}
        />
      </FilterBar>
      <LiveNote />
      <Shown resource={list} rows={8}>
        {({ deliveries, next }) =>
          deliveries.length === 0 ? (
            <Empty icon="deliveries" title="Nothing here yet">
              <p class="muted">No delivery matches. New ones appear as they are made.</p>
            </Empty>
          ) : (
            <>
              <div class="card flush">
                <DeliveryRows deliveries={deliveries} urls={urls} />
              </div>
              {next !== null && (
                <More
                  load={async () => {
                    const more = await listDeliveries(chosen, filter, { cursor: next })
                    list.change((before) => ({
                      deliveries: [...before.deliveries, ...more.deliveries],
                      next: more.next,
                    }))
                  }}
                />
              )}
              {chosen === '' && <p class="fine">The newest of each webhook. Choose one to see older deliveries.</p>}
            </>
          )
        }
      </Shown>
    </>
  )
}

export function More({ load }: { load: () => Promise<void> }) {
  const [busy, setBusy] = useState(false)
  return (
    <div class="more">
      <Button
        busy={busy}
        onClick={() => {
          setBusy(true)
          void load().finally(() => setBusy(false))
        }}
      >
        Show older
      </Button>
    </div>
  )
}

function LiveNote() {
  const { state } = useSignal(connection)
  return (
    <p class="live-note" data-state={state} role="status">
      <span class="dot" aria-hidden="true" />
      {state === 'open'
        ? 'Live: attempts appear as they are made.'
        : 'No connection. The list is read again when it is back.'}
    </p>
  )
}

function useLive(
  chosen: string,
  filter: DeliveryFilter,
  change: (how: (before: DeliveryList) => DeliveryList) => void,
): void {
  const key = JSON.stringify([chosen, filter])
  useEffect(
    () =>
      watchAttempts(chosen === '' ? undefined : chosen, (attempt) =>
        change((list) => withAttempt(list, attempt, filter)),
      ),
    [key, change],
  )
}

/** What was made while there was no connection was not told. */
function useReloadWhenBack(reload: () => void): void {
  const { state, reconnects } = useSignal(connection)
  const read = useRef(reconnects)
  useEffect(() => {
    if (state !== 'open' || read.current === reconnects) return
    read.current = reconnects
    reload()
  }, [state, reconnects, reload])
}

function newestActive(webhooks: readonly Webhook[]): Webhook[] {
  return [...webhooks].sort((one, other) => (other.last_delivery_at ?? '').localeCompare(one.last_delivery_at ?? ''))
}
