import type { presentAttempt, presentDelivery } from '../../deliveries/present-delivery.ts'
import type { presentWebhook } from '../../webhooks/present-webhook.ts'
import { fields } from '../terminal.ts'

export type Webhook = ReturnType<typeof presentWebhook> & { secret?: string; recovery?: { since: string } }
export type Delivery = ReturnType<typeof presentDelivery>
export type DeliveryWithAttempts = Delivery & { attempts: ReturnType<typeof presentAttempt>[] }

export const WEBHOOKS = '/api/v1/webhooks'

/** @param id as it was typed; what is no id the server refuses */
export function pathOf(id: string, more = ''): string {
  return `${WEBHOOKS}/${encodeURIComponent(id)}${more}`
}

export function showWebhook(webhook: Webhook): string {
  const headers = Object.keys(webhook.headers)
  return fields([
    ['id', webhook.id],
    ['url', webhook.url],
    ['events', webhook.events],
    ['symbols', webhook.symbols ?? 'all'],
    ['state', stateOf(webhook)],
    ['description', webhook.description],
    ['headers', headers.length === 0 ? null : headers],
    ['signature style', webhook.signature_style],
    ['max attempts', webhook.max_attempts],
    ['delivered', `${webhook.success_count} of ${webhook.delivery_count}, ${webhook.failure_count} given up`],
    ['last delivery', webhook.last_delivery_at && `${webhook.last_delivery_at} ${webhook.last_delivery_status}`],
    ['created', webhook.created_at],
    ...(webhook.secret_rotation ? [['secrets', `both sign until ${webhook.secret_rotation.ends_at}`] as const] : []),
    ...(webhook.secret ? [['secret', `${webhook.secret}  (shown this once)`] as const] : []),
  ])
}

export function stateOf({ active, disabled_reason, failing_since }: Webhook): string {
  if (!active) return `off${disabled_reason ? ` (${disabled_reason})` : ''}`
  return failing_since === null ? 'on' : `on, failing since ${failing_since}`
}

export function showDelivery(delivery: Delivery): string {
  return fields([
    ['id', delivery.id],
    ['event', `${delivery.event_type} ${delivery.event_id}${delivery.test ? ' (test)' : ''}`],
    ['status', delivery.status],
    ['attempt', `${delivery.attempt} of ${delivery.max_attempts}`],
    ['answer', delivery.response_code],
    ['error', delivery.error && `${delivery.error}: ${delivery.error_message ?? ''}`],
    ['took', delivery.duration_ms === null ? null : `${delivery.duration_ms} ms`],
    ['created', delivery.created_at],
    ['delivered', delivery.delivered_at],
    ['next retry', delivery.next_retry_at],
  ])
}
