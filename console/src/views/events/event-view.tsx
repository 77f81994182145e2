import { ask } from '../../api/api.ts'
import type { EventInFull } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { fullTime, words } from '../../format.ts'
import { Button } from '../../parts/button.tsx'
import { Card, Code, Copyable, Fact, Facts, Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { isOperator } from '../../session/session.ts'
import { DeliveryRows } from '../deliveries/delivery-rows.tsx'

/** One event and whom it went to. */
export function EventView({ id }: { id: string }) {
  const event = useResource((signal) => ask<EventInFull>('GET', `/api/v1/events/${id}`, { signal }), [id])
  return (
    <Page
      title={event.value ? words(event.value.event_type) : 'Event'}
      back={{ to: '/events', text: 'Events' }}
      actions={
        <Button icon="refresh" busy={event.loading} onClick={event.reload}>
          Refresh
        </Button>
      }
    >
      <Shown resource={event}>
        {(shown) => (
          <div class="stack-l">
            <div class="split">
              <Card title="Event">
                <Facts>
                  <Fact name="Id">
                    <Copyable text={shown.event_id} what="id" />
                  </Fact>
                  {shown.symbol && <Fact name="Symbol">{shown.symbol}</Fact>}
                  <Fact name="Of the time">{fullTime(shown.timestamp)}</Fact>
                  <Fact name="Accepted">{fullTime(shown.accepted_at)}</Fact>
                  <Fact name="For">{shown.user_id ?? 'everybody'}</Fact>
                </Facts>
              </Card>
              <Card title="Data">
                <Code label="Data of the event" text={JSON.stringify(shown.data, null, 2)} />
              </Card>
            </div>
            <Card title="Whom it went to" flush>
              {shown.deliveries.length === 0 ? (
                <Empty icon="deliveries" title="To no webhook">
                  <p class="muted">
                    {isOperator() ? 'No webhook subscribed to it.' : 'None of your webhooks subscribed to it.'}
                  </p>
                </Empty>
              ) : (
                <>
                  <DeliveryRows deliveries={shown.deliveries} />
                  {shown.deliveries_truncated && <p class="fine pad">Only the first hundred are shown.</p>}
                </>
              )}
            </Card>
          </div>
        )}
      </Shown>
    </Page>
  )
}
