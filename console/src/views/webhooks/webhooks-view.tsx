import { ask } from '../../api/api.ts'
import type { Page as ApiPage, Webhook } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { count, share, shortUrl, words } from '../../format.ts'
import { TextField } from '../../parts/field.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { Link, useQuery } from '../../router.tsx'
import { isOperator, mayChange, session } from '../../session/session.ts'
import { Health } from './health.tsx'

export function WebhooksView() {
  const [query, setQuery] = useQuery()
  const owner = query('owner')
  const webhooks = useResource((signal) => listWebhooks(owner, signal), [owner])
  const create = mayChange() && (
    <Link to="/webhooks/new" class="button primary">
      <Icon name="plus" />
      <span>New webhook</span>
    </Link>
  )
  return (
    <Page
      title="Webhooks"
      lead="Where events are delivered to, signed, and tried again until they arrive."
      actions={create}
    >
      {isOperator() && (
        <div class="filters">
          <TextField
            label="Owner"
            value={owner}
            placeholder={session.value?.userId ?? ''}
            onValue={(value) => setQuery({ owner: value })}
          />
        </div>
      )}
      <Shown resource={webhooks}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="webhooks" title={owner === '' ? 'No webhooks yet' : `${owner} has no webhooks`}>
              <p class="muted">A webhook is a URL of yours that gets events as signed POST requests.</p>
              {create}
            </Empty>
          ) : (
            <ul class="card flush rows">
              {list.map((webhook) => (
                <Row key={webhook.id} webhook={webhook} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Page>
  )
}

export async function listWebhooks(owner: string, signal: AbortSignal): Promise<Webhook[]> {
  const query = { limit: 100, user_id: owner === '' ? undefined : owner }
  return (await ask<ApiPage<'webhooks', Webhook>>('GET', '/api/v1/webhooks', { query, signal })).webhooks
}

function Row({ webhook }: { webhook: Webhook }) {
  const { id, url, events, symbols, description } = webhook
  const types = events[0] === '*' ? 'All events' : events.map(words).join(', ')
  return (
    <li>
      <Link to={`/webhooks/${id}`} class="webhook-row">
        <div class="webhook-name">
          <strong>{shortUrl(url)}</strong>
          <span class="fine">
            {description ? `${description} · ` : ''}
            {types}
            {symbols ? ` · ${symbols.join(', ')}` : ''}
          </span>
        </div>
        <Health webhook={webhook} />
        <div class="webhook-numbers">
          <span class="num">{share(webhook.success_count, webhook.delivery_count)}</span>
          <span class="fine num">{ofText(webhook.delivery_count)}</span>
        </div>
        <span class="fine webhook-last">
          {webhook.last_delivery_at ? <Ago at={webhook.last_delivery_at} /> : 'nothing delivered yet'}
        </span>
      </Link>
    </li>
  )
}

function ofText(deliveries: number): string {
  if (deliveries === 0) return 'no outcome yet'
  return `of ${count(deliveries)} ${deliveries === 1 ? 'delivery' : 'deliveries'}`
}
