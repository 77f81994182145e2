import { ask } from '../../api/api.ts'
import type { Delivery, Page } from '../../api/shapes.ts'
import { type DeliveryFilter, type DeliveryList, newestFirst, sinceOf } from './delivery-list.ts'

export async function listDeliveries(
  webhookId: string,
  filter: DeliveryFilter,
  { cursor, limit = 20, signal }: { cursor?: string | undefined; limit?: number; signal?: AbortSignal },
): Promise<DeliveryList> {
  const answer = await ask<Page<'deliveries', Delivery>>('GET', `/api/v1/webhooks/${webhookId}/deliveries`, {
    query: { status: filter.status, event_type: filter.event_type, since: sinceOf(filter.since), cursor, limit },
    ...(signal ? { signal } : {}),
  })
  return { deliveries: answer.deliveries, next: answer.next_cursor }
}

/** Of several webhooks together: the newest of each, newest first; whoever wants to page on chooses one. */
export async function listNewest(
  webhookIds: readonly string[],
  filter: DeliveryFilter,
  signal: AbortSignal,
): Promise<DeliveryList> {
  const lists = await Promise.all(webhookIds.map((id) => listDeliveries(id, filter, { signal })))
  return { deliveries: newestFirst(lists.flatMap(({ deliveries }) => deliveries)), next: null }
}
