import { useEffect } from 'preact/hooks'
import { useResource } from '../../api/use-resource.ts'
import { Card } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Link } from '../../router.tsx'
import { watchAttempts } from '../../streams/live.ts'
import { withAttempt } from './delivery-list.ts'
import { DeliveryRows } from './delivery-rows.tsx'
import { listDeliveries } from './live-deliveries.ts'

const EVERYTHING = { status: '', event_type: '', since: '' }
const SHOWN = 8

/** The newest deliveries of one webhook, as they are made. */
export function WebhookDeliveries({ webhookId }: { webhookId: string }) {
  const list = useResource((signal) => listDeliveries(webhookId, EVERYTHING, { limit: SHOWN, signal }), [webhookId])
  const { change } = list
  useEffect(
    () => watchAttempts(webhookId, (attempt) => change((before) => withAttempt(before, attempt, EVERYTHING))),
    [webhookId, change],
  )
  return (
    <Card title="Newest deliveries" flush actions={<Link to={`/deliveries?webhook=${webhookId}`}>All deliveries</Link>}>
      <Shown resource={list}>
        {({ deliveries }) =>
          deliveries.length === 0 ? (
            <Empty icon="deliveries" title="Nothing delivered yet">
              <p class="muted">Send a test event, or wait for one that matches.</p>
            </Empty>
          ) : (
            <DeliveryRows deliveries={deliveries.slice(0, SHOWN)} />
          )
        }
      </Shown>
    </Card>
  )
}
