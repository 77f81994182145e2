import type { ComponentChildren } from 'preact'
import { Page } from '../parts/page.tsx'
import { Empty, Note } from '../parts/states.tsx'
import { Link } from '../router.tsx'
import { isOperator } from '../session/session.ts'
import { DeliveriesView } from './deliveries/deliveries-view.tsx'
import { DeliveryView } from './deliveries/delivery-view.tsx'
import { EventView } from './events/event-view.tsx'
import { EventsView } from './events/events-view.tsx'
import { PublishView } from './events/publish-view.tsx'
import { KeysView } from './keys/keys-view.tsx'
import { OperationsView } from './operations/operations-view.tsx'
import { StreamsView } from './streams/streams-view.tsx'
import { NewWebhookView } from './webhooks/new-webhook-view.tsx'
import { WebhookView } from './webhooks/webhook-view.tsx'
import { WebhooksView } from './webhooks/webhooks-view.tsx'

type View = (...parts: string[]) => ComponentChildren

const VIEWS: readonly [RegExp, View][] = [
  [/^\/$/, () => <StreamsView symbol={null} />],
  [/^\/streams\/([^/]+)$/, (symbol = '') => <StreamsView symbol={decodeURIComponent(symbol)} />],
  [/^\/webhooks$/, () => <WebhooksView />],
  [/^\/webhooks\/new$/, () => <NewWebhookView />],
  [/^\/webhooks\/(wh_[^/]+)$/, (id = '') => <WebhookView key={id} id={id} />],
  [
    /^\/webhooks\/(wh_[^/]+)\/deliveries\/(dlv_[^/]+)$/,
    (webhook = '', id = '') => <DeliveryView key={id} webhookId={webhook} id={id} />,
  ],
  [/^\/deliveries$/, () => <DeliveriesView />],
  [/^\/events$/, () => <EventsView />],
  [/^\/events\/publish$/, () => <PublishView />],
  [/^\/events\/(evt_[^/]+)$/, (id = '') => <EventView key={id} id={id} />],
  [/^\/keys$/, () => <KeysView />],
  [/^\/operations$/, () => (isOperator() ? <OperationsView /> : <ForAdmins />)],
]

function ForAdmins() {
  return (
    <Page title="Operations">
      <Note icon="warning">
        <p>This page is for admins: it needs a token of the role admin.</p>
      </Note>
    </Page>
  )
}

export function viewAt(place: string): ComponentChildren {
  for (const [pattern, view] of VIEWS) {
    const found = pattern.exec(place)
    if (found) return view(...found.slice(1))
  }
  return (
    <Page title="Not found">
      <Empty icon="search" title="There is no such page.">
        <Link to="/" class="button plain">
          To the streams
        </Link>
      </Empty>
    </Page>
  )
}
