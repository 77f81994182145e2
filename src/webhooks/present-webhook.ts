import { publicId } from '../ids.ts'
import type { Webhook } from './webhook.ts'

/** What a webhook's owner sees. Never the secret; custom headers by name only. */
export function presentWebhook(webhook: Webhook) {
  return {
    id: publicId('wh', webhook.id),
    user_id: webhook.user_id,
    url: webhook.url,
    events: webhook.events,
    symbols: webhook.symbols,
    description: webhook.description,
    active: webhook.active,
    disabled_reason: webhook.disabled_reason,
    failing_since: webhook.failing_since?.toISOString() ?? null,
    headers: Object.fromEntries(webhook.header_names.map((name) => [name, '***'])),
    signature_style: webhook.signature_style,
    max_attempts: webhook.max_attempts,
    secret_rotation: webhook.rotating_until ? { ends_at: webhook.rotating_until.toISOString() } : null,
    created_at: webhook.created_at.toISOString(),
    updated_at: webhook.updated_at.toISOString(),
    delivery_count: webhook.delivery_count,
    success_count: webhook.success_count,
    failure_count: webhook.failure_count,
    last_delivery_at: webhook.last_delivery_at?.toISOString() ?? null,
    last_delivery_status: webhook.last_delivery_status,
  }
}

/** What a webhook that was turned on again is offered: the events that were accepted while it was off. */
export function offerRecovery(webhook: Webhook, offSince: Date) {
  return {
    href: `/api/v1/webhooks/${publicId('wh', webhook.id)}/recover`,
    since: offSince.toISOString(),
    status: 'missing',
  }
}
