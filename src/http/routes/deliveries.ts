import { z } from 'zod'
import { recordChange } from '../../audit/record-change.ts'
import type { Database } from '../../db/database.ts'
import { DELIVERY_STATUSES, findDelivery, listAttempts, listDeliveries } from '../../deliveries/delivery-log.ts'
import { presentAttempt, presentDelivery } from '../../deliveries/present-delivery.ts'
import { retryDelivery } from '../../deliveries/retry-delivery.ts'
import { sendTest } from '../../deliveries/test-delivery.ts'
import type { Wake } from '../../deliveries/wake.ts'
import { notFound } from '../../errors.ts'
import { EVENT_TYPES, type EventType, isEventType } from '../../events/catalogue.ts'
import { findEvent } from '../../events/event-log.ts'
import type { Principal } from '../../identity/principal.ts'
import { publicId } from '../../ids.ts'
import type { Webhook } from '../../webhooks/webhook.ts'
import { findWebhook, lockWebhook } from '../../webhooks/webhook-store.ts'
import { authorOf } from '../author.ts'
import { idParam } from '../id-param.ts'
import { page, pageQuery, timeQuery } from '../paging.ts'
import { type Route, route } from '../route.ts'
import { ownerOf } from './webhooks.ts'

export interface DeliveryDeps {
  db: Database
  wake: Wake
}

const DELIVERIES = '/api/v1/webhooks/:id/deliveries'
const TEST_WAIT_MS = 10_000

const OfWebhook = z.object({ id: idParam('wh', 'webhook') })
const OfDelivery = OfWebhook.extend({ delivery_id: idParam('dlv', 'delivery') })
const ListQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(DELIVERY_STATUSES).optional(),
  event_type: z.enum(EVENT_TYPES).optional(),
  since: timeQuery.optional(),
  until: timeQuery.optional(),
})

export function deliveryRoutes(deps: DeliveryDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/webhooks/test',
      summary: 'Send the example of an event type to one webhook and answer what really happened.',
      permission: 'webhooks:write',
      query: z.strictObject({ webhook_id: idParam('wh', 'webhook') }),
      body: z.strictObject({ event_type: z.enum(EVENT_TYPES).optional() }),
      bodyOptional: true,
      async handle({ principal, query, body, ctx }) {
        const webhook = await mustFind(deps.db, principal, query.webhook_id)
        const type = body.event_type ?? firstType(webhook)
        const delivery = await sendTest({ ...deps, publishedBy: principal.userId }, webhook, type, TEST_WAIT_MS)
        const over = ['success', 'failed', 'canceled'].includes(delivery.status)
        if (!over) ctx.status = 202
        return {
          message: testMessage(delivery.status, delivery.error_message),
          webhook_id: publicId('wh', webhook.id),
          delivery: presentDelivery(delivery),
        }
      },
    }),
    route({
      method: 'get',
      path: DELIVERIES,
      summary: 'List the deliveries of a webhook, newest first.',
      permission: 'webhooks:read',
      params: OfWebhook,
      query: ListQuery,
      async handle({ principal, params, query }) {
        const webhook = await mustFind(deps.db, principal, params.id)
        const rows = await listDeliveries(deps.db, webhook.id, {
          status: query.status,
          eventType: query.event_type,
          since: query.since,
          until: query.until,
          before: query.cursor,
          limit: query.limit,
        })
        const { rows: shown, next_cursor } = page(rows, query.limit)
        return { deliveries: shown.map(presentDelivery), next_cursor }
      },
    }),
    route({
      method: 'get',
      path: `${DELIVERIES}/:delivery_id`,
      summary: 'Read a delivery with every attempt: what was sent and what came back.',
      permission: 'webhooks:read',
      params: OfDelivery,
      async handle({ principal, params }) {
        const webhook = await mustFind(deps.db, principal, params.id)
        const delivery = await findDelivery(deps.db, webhook.id, params.delivery_id)
        if (!delivery) throw notFound('delivery')
        const attempts = await listAttempts(deps.db, delivery.id)
        const event = await findEvent(deps.db, { userId: webhook.user_id, seesAll: true }, delivery.event_id)
        const body = event?.canonical ?? ''
        return { ...presentDelivery(delivery), attempts: attempts.map((attempt) => presentAttempt(attempt, body)) }
      },
    }),
    route({
      method: 'post',
      path: `${DELIVERIES}/:delivery_id/retry`,
      summary: 'Make one more attempt of a delivery, at once.',
      permission: 'webhooks:write',
      params: OfDelivery,
      status: 202,
      async handle({ principal, params, ctx }) {
        await deps.db.transaction(async (sql) => {
          const webhook = await lockWebhook(sql, ownerOf(principal), params.id)
          if (!webhook) throw notFound('webhook')
          await retryDelivery(sql, webhook, params.delivery_id)
          await recordChange(sql, authorOf(ctx, principal), {
            action: 'delivery.retried',
            target: publicId('dlv', params.delivery_id),
            ownerId: webhook.user_id,
            changes: { webhook_id: { to: publicId('wh', webhook.id) } },
          })
        })
        deps.wake.wake()
        const delivery = await findDelivery(deps.db, params.id, params.delivery_id)
        if (!delivery) throw notFound('delivery')
        return presentDelivery(delivery)
      },
    }),
  ]
}

async function mustFind(db: Database, principal: Principal, id: string): Promise<Webhook> {
  const webhook = await findWebhook(db, ownerOf(principal), id)
  if (!webhook) throw notFound('webhook')
  return webhook
}

/** The example of the first type a webhook subscribes to; for `*` a prediction. */
function firstType(webhook: Webhook): EventType {
  const [first = '*'] = webhook.events
  return isEventType(first) ? first : 'prediction_complete'
}

function testMessage(status: string, error: string | null): string {
  if (status === 'success') return 'The test event was delivered.'
  if (status === 'failed') return `The test event was not delivered. ${error ?? ''}`.trim()
  if (status === 'canceled') return 'The webhook was removed before the test event was delivered.'
  return 'The test event is still under way; look at the delivery again later.'
}
