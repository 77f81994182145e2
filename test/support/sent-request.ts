import type { EmbeddedSystem } from './embedded-system.ts'

/** A request that a webhook got. */
export interface SentRequest {
  url: string
  headers: Record<string, string>
  body: string
}

/** The newest one that was delivered, as the delivery log shows it to the webhook's owner. */
export async function lastRequest(system: EmbeddedSystem, owner: string, webhook: string): Promise<SentRequest> {
  const path = `/api/v1/webhooks/${webhook}/deliveries`
  const list = await system.call<{ deliveries: { id: string }[] }>('GET', `${path}?status=success&limit=1`, owner)
  const [newest] = list.deliveries
  if (newest === undefined) throw new Error(`nothing was delivered to ${webhook}`)
  const { attempts } = await system.call<{ attempts: { request: SentRequest }[] }>('GET', `${path}/${newest.id}`, owner)
  const request = attempts.at(-1)?.request
  if (request === undefined) throw new Error(`${newest.id} has no attempt`)
  return request
}

/** Sends it once more, perhaps with another body. */
export async function repost(sent: SentRequest, body: string): Promise<{ status: number; text: string }> {
  // Whoever sends the body says how long it is.
  const { 'Content-Length': _length, ...headers } = sent.headers
  const response = await fetch(sent.url, { method: 'POST', headers, body })
  return { status: response.status, text: await response.text() }
}

/** The text with a change that must be one. */
export function tampered(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, to)
  if (result === text) throw new Error(`${from} is not in ${text}`)
  return result
}
