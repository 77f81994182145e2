import { ask } from '../../api/api.ts'
import type { Page as ApiPage, StoredEvent } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { words } from '../../format.ts'
import { Button } from '../../parts/button.tsx'
import { Select, TextField } from '../../parts/field.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { go, Link, useQuery } from '../../router.tsx'
import { mayPublish } from '../../session/session.ts'
import { More } from '../deliveries/deliveries-view.tsx'
import { sinceOf } from '../deliveries/delivery-list.ts'
import { readEventTypes } from '../webhooks/event-types.ts'
import { summaryOf } from './event-summary.ts'

const ID = /^evt_[0-9a-f-]{36}$/

export function EventsView() {
  const [query, setQuery] = useQuery()
  const types = useResource(readEventTypes, [])
  const [event_type, symbol, since] = [query('event_type'), query('symbol'), query('since')]
  const read = (cursor?: string, signal?: AbortSignal) =>
    ask<ApiPage<'events', StoredEvent>>('GET', '/api/v1/events', {
      query: { event_type, symbol, since: sinceOf(since), cursor, limit: 25 },
      ...(signal ? { signal } : {}),
    })
  const events = useResource((signal) => read(undefined, signal), [event_type, symbol, since])
  const names = (types.value ?? []).map((entry) => [entry.event_type, words(entry.event_type)] as const)
  const find = (text: string) => {
    const given = text.trim()
    if (ID.test(given)) go(`/events/${given}`)
    else setQuery({ symbol: given.toUpperCase() })
  }
  return (
    <Page
      title="Events"
      lead="What was published and stored: public events, your own, and those you published."
      actions={
        <>
          <Button icon="refresh" onClick={events.reload} busy={events.loading}>
            Refresh
          </Button>
          {mayPublish() && (
            <Link to="/events/publish" class="button primary">
              <Icon name="plus" />
              <span>Publish</span>
            </Link>
          )}
        </>
      }
    >
      <div class="filters">
        <TextField label="Symbol or event id" value={symbol} placeholder="AAPL or evt_…" onValue={find} />
        <Select
          label="Type"
          value={event_type}
          onValue={(value) => setQuery({ event_type: value })}
          options={[['', 'Any type'], ...names]}
        />
        <Select
          label="Time"
          value={since}
          onValue={(value) => setQuery({ since: value })}
          options={[
            ['', 'Any time'],
            ['1', 'Last hour'],
            ['24', 'Last day'],
            ['168', 'Last seven days'],
          ]}
        />
      </div>
      <Shown resource={events} rows={8}>
        {({ events: list, next_cursor }) =>
          list.length === 0 ? (
            <Empty icon="events" title="No events">
              <p class="muted">Nothing was published that matches.</p>
            </Empty>
          ) : (
            <>
              <ul class="card flush rows">
                {list.map((event) => (
                  <li key={event.event_id}>
                    <Link to={`/events/${event.event_id}`} class="event-row">
                      <strong>{words(event.event_type)}</strong>
                      <span class="event-symbol">{event.symbol ?? ''}</span>
                      <span class="event-summary muted">{summaryOf(event)}</span>
                      <span class="fine event-time">
                        <Ago at={event.accepted_at} />
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
              {next_cursor !== null && (
                <More
                  load={async () => {
                    const more = await read(next_cursor)
                    events.change((before) => ({ ...more, events: [...before.events, ...more.events] }))
                  }}
                />
              )}
            </>
          )
        }
      </Shown>
    </Page>
  )
}
