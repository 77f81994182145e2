import type { Delivery } from '../../api/shapes.ts'
import { fromNow, milliseconds, shortId, shortUrl, words } from '../../format.ts'
import { Badge, StatusBadge } from '../../parts/badge.tsx'
import { Ago, useFlash, useNow } from '../../parts/time.tsx'
import { Link } from '../../router.tsx'

/** Deliveries as a list of links: on a phone each is a card, on a desktop a row. */
export function DeliveryRows({
  deliveries,
  urls,
}: {
  deliveries: readonly Delivery[]
  urls?: ReadonlyMap<string, string>
}) {
  return (
    <ul class="rows deliveries">
      {deliveries.map((delivery) => (
        <Row key={delivery.id} delivery={delivery} url={urls?.get(delivery.webhook_id)} />
      ))}
    </ul>
  )
}

function Row({ delivery, url }: { delivery: Delivery; url: string | undefined }) {
  const { id, webhook_id, event_type, status, attempt, max_attempts, created_at, duration_ms, test } = delivery
  const isNews = useFlash(`${status} ${attempt}`)
  return (
    <li data-flash={isNews}>
      <Link to={`/webhooks/${webhook_id}/deliveries/${id}`} class="delivery-row">
        <StatusBadge status={status} />
        <span class="delivery-name">
          <strong>
            {words(event_type)} {test && <Badge tone="calm">Test</Badge>}
          </strong>
          <span class="fine">{url === undefined ? shortId(id) : shortUrl(url)}</span>
        </span>
        <span class="delivery-outcome">
          <Outcome delivery={delivery} />
        </span>
        <span class="fine num">
          {attempt} of {max_attempts}
          {duration_ms === null ? '' : ` · ${milliseconds(duration_ms)}`}
        </span>
        <span class="fine delivery-time">
          <Ago at={created_at} />
        </span>
      </Link>
    </li>
  )
}

/** What came of it, or what comes next, in a few words. */
export function Outcome({ delivery }: { delivery: Delivery }) {
  const now = useNow()
  const { status, response_code, error, next_retry_at } = delivery
  const said = response_code !== null ? `HTTP ${response_code}` : error === null ? '' : words(error)
  if (status === 'retrying' && next_retry_at !== null) {
    const isDue = Date.parse(next_retry_at) <= now
    return <>{`${said}${said === '' ? '' : ', '}again ${isDue ? 'now' : fromNow(next_retry_at, now)}`}</>
  }
  return <>{said}</>
}
