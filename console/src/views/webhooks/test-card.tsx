import { useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { Delivery, Webhook } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { milliseconds, pretty, words } from '../../format.ts'
import { StatusBadge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Select } from '../../parts/field.tsx'
import { Card, Code } from '../../parts/page.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { Link } from '../../router.tsx'
import { readEventTypes } from './event-types.ts'

interface Outcome {
  message: string
  delivery: Delivery
}

/** Sends the example of an event type the real way and says what really happened. */
export function TestCard({ webhook, onSent }: { webhook: Webhook; onSent: () => void }) {
  const types = useResource(readEventTypes, [])
  const [type, setType] = useState('')
  const [busy, setBusy] = useState(false)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [error, setError] = useState<Error | null>(null)
  const names = (types.value ?? []).map(({ event_type }) => event_type)
  const offered = webhook.events[0] === '*' ? names : names.filter((name) => webhook.events.includes(name))

  const send = async () => {
    setBusy(true)
    setError(null)
    setOutcome(null)
    try {
      const body = type === '' ? {} : { event_type: type }
      setOutcome(await ask<Outcome>('POST', '/api/v1/webhooks/test', { query: { webhook_id: webhook.id }, body }))
      onSent()
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)))
    } finally {
      setBusy(false)
    }
  }

  return (
    <Card title="Test">
      <div class="stack">
        <p class="muted">Sends an example through the real queue and signature, once, to this webhook alone.</p>
        <div class="inline end">
          <Select
            label="Event"
            value={type}
            onValue={setType}
            options={[['', 'First it subscribes to'], ...offered.map((name) => [name, words(name)] as const)]}
          />
          <Button kind="primary" busy={busy} onClick={() => void send()}>
            {busy ? 'Sending …' : 'Send test event'}
          </Button>
        </div>
        <div aria-live="polite" class="stack">
          {error && <ErrorNote error={error} />}
          {outcome && <Result outcome={outcome} />}
        </div>
      </div>
    </Card>
  )
}

function Result({ outcome: { message, delivery } }: { outcome: Outcome }) {
  const { status, response_code, duration_ms, response_body, error, webhook_id, id } = delivery
  return (
    <div class="outcome" data-status={status}>
      <div class="inline">
        <StatusBadge status={status} />
        {response_code !== null && <span class="num">HTTP {response_code}</span>}
        {error !== null && <span>{words(error)}</span>}
        {duration_ms !== null && <span class="fine num">{milliseconds(duration_ms)}</span>}
      </div>
      <p>{message}</p>
      {response_body && <Code label="Response body" text={pretty(response_body)} />}
      <Link to={`/webhooks/${webhook_id}/deliveries/${id}`}>See what was sent</Link>
    </div>
  )
}
