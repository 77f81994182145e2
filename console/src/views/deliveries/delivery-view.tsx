import { useEffect } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { Delivery, DeliveryInFull } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { fromNow, fullTime, milliseconds, words } from '../../format.ts'
import { Badge, StatusBadge } from '../../parts/badge.tsx'
import { ActionButton } from '../../parts/button.tsx'
import { Card, Copyable, Fact, Facts, Page } from '../../parts/page.tsx'
import { Empty, Note, Shown } from '../../parts/states.tsx'
import { Ago, useNow } from '../../parts/time.tsx'
import { tell } from '../../parts/toasts.tsx'
import { Link } from '../../router.tsx'
import { mayChange } from '../../session/session.ts'
import { watchAttempts } from '../../streams/live.ts'
import { AttemptCard } from './attempt-card.tsx'

/** An attempt is told of when it is over; while one is made its outcome is asked for. */
const READ_AGAIN_MS = 2_000

export function DeliveryView({ webhookId, id }: { webhookId: string; id: string }) {
  const path = `/api/v1/webhooks/${webhookId}/deliveries/${id}`
  const delivery = useResource((signal) => ask<DeliveryInFull>('GET', path, { signal }), [id])
  const { value, reload } = delivery
  useEffect(() => watchAttempts(webhookId, (attempt) => attempt.id === id && reload()), [webhookId, id, reload])
  const isUnderWay = value?.status === 'delivering' || value?.status === 'pending'
  useEffect(() => {
    if (!isUnderWay) return
    const timer = setInterval(reload, READ_AGAIN_MS)
    return () => clearInterval(timer)
  }, [isUnderWay, reload])

  const retry = async () => {
    await ask<Delivery>('POST', `${path}/retry`)
    tell('One more attempt is made now.')
    reload()
  }
  return (
    <Page
      title={value ? words(value.event_type) : 'Delivery'}
      back={{ to: `/webhooks/${webhookId}`, text: 'Webhook' }}
      actions={
        value && mayChange() ? (
          <ActionButton kind="primary" icon="refresh" act={retry} disabled={isUnderWay}>
            Retry now
          </ActionButton>
        ) : undefined
      }
    >
      <Shown resource={delivery}>
        {(shown) => (
          <div class="stack-l">
            <Next delivery={shown} />
            <Card title="Delivery" actions={<StatusBadge status={shown.status} />}>
              <Summary delivery={shown} />
            </Card>
            <section class="stack" aria-label="Attempts">
              <h2 class="section-title">
                {shown.attempts.length === 1 ? 'One attempt' : `${shown.attempts.length} attempts`}
              </h2>
              {shown.attempts.length === 0 && (
                <Empty icon="deliveries" title="No attempt was made yet">
                  <p class="muted">The first one follows within a second unless the webhook is held back.</p>
                </Empty>
              )}
              {[...shown.attempts].reverse().map((attempt, place) => (
                <AttemptCard key={attempt.attempt} attempt={attempt} isOpen={place === 0} />
              ))}
            </section>
          </div>
        )}
      </Shown>
    </Page>
  )
}

/** What happens next, when something does. */
function Next({ delivery }: { delivery: DeliveryInFull }) {
  const now = useNow()
  const { status, next_retry_at, held_back_until, attempt, max_attempts } = delivery
  if (status === 'failed' && attempt >= max_attempts && !delivery.test) {
    return (
      <Note tone="bad" icon="warning">
        <p>
          <strong>All {max_attempts} attempts failed.</strong> Mend the receiver, then retry.
        </p>
      </Note>
    )
  }
  if (status !== 'retrying' || next_retry_at === null) return null
  const held = held_back_until
    ? Math.max(Date.parse(held_back_until), Date.parse(next_retry_at))
    : Date.parse(next_retry_at)
  return (
    <Note tone="warn" icon="refresh">
      <p>
        <strong>Next attempt {held <= now ? 'now' : fromNow(new Date(held), now)}</strong>, at{' '}
        {fullTime(new Date(held))}.{held_back_until && ' The webhook fails so often that it is held back until then.'}
      </p>
    </Note>
  )
}

function Summary({ delivery }: { delivery: DeliveryInFull }) {
  const {
    id,
    event_id,
    event_type,
    attempt,
    max_attempts,
    created_at,
    delivered_at,
    duration_ms,
    error,
    error_message,
    test,
  } = delivery
  return (
    <Facts>
      <Fact name="Event">
        {test ? <Badge tone="calm">Test</Badge> : <Link to={`/events/${event_id}`}>{words(event_type)}</Link>}
      </Fact>
      <Fact name="Attempts">
        <span class="num">
          {attempt} of {max_attempts}
        </span>
      </Fact>
      <Fact name="Accepted">
        <Ago at={created_at} />, {fullTime(created_at)}
      </Fact>
      {delivered_at && <Fact name="Delivered">{fullTime(delivered_at)}</Fact>}
      {duration_ms !== null && <Fact name="Last attempt took">{milliseconds(duration_ms)}</Fact>}
      {error !== null && (
        <Fact name="Last error">
          {words(error)}
          {error_message ? `: ${error_message}` : ''}
        </Fact>
      )}
      <Fact name="Id">
        <Copyable text={id} what="id" />
      </Fact>
    </Facts>
  )
}
