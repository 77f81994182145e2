import type { Webhook } from '../../api/shapes.ts'
import { Badge, type Tone } from '../../parts/badge.tsx'

const BY_OWNER = 'disabled by its owner'

/** How a webhook is, in a word. */
export function healthOf(webhook: Webhook): { tone: Tone; text: string } {
  if (isTurnedOff(webhook)) return { tone: 'bad', text: 'Turned off' }
  if (!webhook.active) return { tone: 'calm', text: 'Disabled' }
  if (webhook.failing_since !== null) return { tone: 'bad', text: 'Failing' }
  if (webhook.last_delivery_status === 'failed') return { tone: 'warn', text: 'Last failed' }
  if (webhook.delivery_count === 0) return { tone: 'calm', text: 'No outcome yet' }
  return { tone: 'good', text: 'Healthy' }
}

/** By the system: what its owner disabled is no trouble. */
export function isTurnedOff({ active, disabled_reason }: Webhook): boolean {
  return !active && disabled_reason !== null && disabled_reason !== BY_OWNER
}

export function Health({ webhook }: { webhook: Webhook }) {
  const { tone, text } = healthOf(webhook)
  return <Badge tone={tone}>{text}</Badge>
}
