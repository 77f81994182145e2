import { type Changes, differences } from '../audit/record-change.ts'
import type { Webhook } from './webhook.ts'

/** What the audit log says of a change; of one that came or went the other side is null. */
export function webhookChanges(from: Webhook | null, to: Webhook | null): Changes {
  return differences(from ? audited(from) : {}, to ? audited(to) : {})
}

function audited(webhook: Webhook): Record<string, unknown> {
  const { events, symbols, description, active, signature_style, max_attempts } = webhook
  const url = maskQuery(webhook.url)
  return { url, events, symbols, description, active, headers: webhook.header_names, signature_style, max_attempts }
}

/** Receivers' keys often stand in the query. */
function maskQuery(url: string): string {
  return url.replace(/\?.*$/s, '?***')
}
