import { useEffect } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { Webhook } from '../../api/shapes.ts'
import { type Resource, useResource } from '../../api/use-resource.ts'
import { count, fullTime, share, shortUrl, words } from '../../format.ts'
import { Card, Copyable, Fact, Facts, Page } from '../../parts/page.tsx'
import { Note, Shown } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { mayChange } from '../../session/session.ts'
import { watchAttempts } from '../../streams/live.ts'
import { WebhookDeliveries } from '../deliveries/webhook-deliveries.tsx'
import { Health, isTurnedOff } from './health.tsx'
import { Recoveries } from './recoveries.tsx'
import { TestCard } from './test-card.tsx'
import { WebhookActions } from './webhook-actions.tsx'

/** Counters move at final outcomes. A busy webhook has many a second, and a small tier sixty requests a minute. */
const READ_AFTER_MS = 12_000

export function WebhookView({ id }: { id: string }) {
  const webhook = useResource((signal) => ask<Webhook>('GET', `/api/v1/webhooks/${id}`, { signal }), [id])
  useRereadAfterAttempts(id, webhook.reload)
  const title = webhook.value ? shortUrl(webhook.value.url) : 'Webhook'
  return (
    <Page
      title={title}
      back={{ to: '/webhooks', text: 'Webhooks' }}
      lead={webhook.value?.description ?? undefined}
      actions={
        webhook.value && mayChange() ? <WebhookActions webhook={webhook.value} changed={webhook.change} /> : undefined
      }
    >
      <Shown resource={webhook}>{(value) => <Body webhook={value} resource={webhook} />}</Shown>
    </Page>
  )
}

function Body({ webhook, resource }: { webhook: Webhook; resource: Resource<Webhook> }) {
  return (
    <div class="stack-l">
      <Trouble webhook={webhook} />
      <div class="split">
        <Details webhook={webhook} />
        {mayChange() && <TestCard webhook={webhook} onSent={resource.reload} />}
      </div>
      <WebhookDeliveries webhookId={webhook.id} />
      <Recoveries webhookId={webhook.id} />
    </div>
  )
}

function Trouble({ webhook }: { webhook: Webhook }) {
  const { active, disabled_reason, failing_since, secret_rotation } = webhook
  return (
    <>
      {isTurnedOff(webhook) && (
        <Note tone="bad" icon="warning">
          <p>
            <strong>Turned off by the system.</strong> The reason: {disabled_reason}.
          </p>
          <p>Mend the receiver, enable the webhook and recover what it missed.</p>
        </Note>
      )}
      {!active && !isTurnedOff(webhook) && (
        <Note>
          <p>
            <strong>Disabled by its owner.</strong> Nothing is delivered until it is enabled; what it misses can be
            recovered then.
          </p>
        </Note>
      )}
      {active && failing_since !== null && (
        <Note tone="warn" icon="warning">
          <p>
            <strong>Failing since {fullTime(failing_since)}.</strong> A webhook that fails for days is turned off.
          </p>
        </Note>
      )}
      {secret_rotation && (
        <Note>
          <p>
            <strong>The secret is being rotated.</strong> Old and new both sign until{' '}
            {fullTime(secret_rotation.ends_at)}.
          </p>
        </Note>
      )}
    </>
  )
}

function Details({ webhook }: { webhook: Webhook }) {
  const headers = Object.keys(webhook.headers)
  return (
    <Card title="Details" actions={<Health webhook={webhook} />}>
      <Facts>
        <Fact name="URL">
          <Copyable text={webhook.url} what="URL" />
        </Fact>
        <Fact name="Id">
          <Copyable text={webhook.id} what="id" />
        </Fact>
        <Fact name="Events">{webhook.events[0] === '*' ? 'All events' : webhook.events.map(words).join(', ')}</Fact>
        <Fact name="Symbols">{webhook.symbols?.join(', ') ?? 'All'}</Fact>
        <Fact name="Delivered">
          <span class="num">{deliveredText(webhook)}</span>
        </Fact>
        <Fact name="Last delivery">
          {webhook.last_delivery_at ? <Ago at={webhook.last_delivery_at} /> : 'none yet'}
        </Fact>
        <Fact name="Attempts">up to {webhook.max_attempts}</Fact>
        <Fact name="Signature">{webhook.signature_style}</Fact>
        {headers.length > 0 && <Fact name="Headers">{headers.join(', ')}</Fact>}
        <Fact name="Owner">{webhook.user_id}</Fact>
        <Fact name="Created">
          <Ago at={webhook.created_at} />
        </Fact>
      </Facts>
    </Card>
  )
}

function deliveredText({ success_count, delivery_count }: Webhook): string {
  if (delivery_count === 0) return 'no final outcome yet'
  return `${count(success_count)} of ${count(delivery_count)} (${share(success_count, delivery_count)})`
}

function useRereadAfterAttempts(id: string, reread: () => void): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = watchAttempts(id, () => {
      timer ??= setTimeout(() => {
        timer = undefined
        reread()
      }, READ_AFTER_MS)
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [id, reread])
}
