import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import { listDeliveriesOfEvent } from '../../deliveries/delivery-log.ts'
import { presentDelivery } from '../../deliveries/present-delivery.ts'
import type { Wake } from '../../deliveries/wake.ts'
import { ApiError, notFound } from '../../errors.ts'
import type { AcceptEvents } from '../../events/accept-events.ts'
import type { Announcer } from '../../events/announce.ts'
import { EVENT_TYPES, eventTypesDocument } from '../../events/catalogue.ts'
import { findEvent, listEvents } from '../../events/event-log.ts'
import { EventInput, isPlainEvent, type PreparedEvent, prepareEvent } from '../../events/prepare-event.ts'
import { presentEvent } from '../../events/present-event.ts'
import { HOLE, type Submission } from '../../events/store-submissions.ts'
import { symbolSchema } from '../../events/symbol.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Span, Tracing } from '../../telemetry/tracing.ts'
import { readBatch } from '../event-batch.ts'
import { idParam } from '../id-param.ts'
import { keyUse } from '../idempotency-header.ts'
import { page, pageQuery, timeQuery } from '../paging.ts'
import { type Input, type Route, route } from '../route.ts'

export interface EventDeps {
  db: Database
  accept: AcceptEvents
  announcer: Announcer
  wake: Wake
  batchBodyLimit: number
  onAccepted: (events: number, deliveries: number) => void
  tracing?: Tracing | undefined
}

const EVENTS = '/api/v1/events'
/** An event's deliveries are shown up to here; a webhook's own list has all of them. */
const MOST_DELIVERIES = 100

const ListQuery = z.strictObject({
  ...pageQuery,
  event_type: z.enum(EVENT_TYPES).optional(),
  symbol: symbolSchema.optional(),
  since: timeQuery.optional(),
  until: timeQuery.optional(),
})

export function eventRoutes(deps: EventDeps): Route[] {
  return [
    route({
      method: 'post',
      path: EVENTS,
      summary: 'Publish an event: stored, streamed and delivered to webhooks. Honours Idempotency-Key.',
      permission: 'events:publish',
      body: EventInput,
      isPlain: isPlainEvent,
      status: 202,
      async handle({ principal, body, ctx }) {
        const event = prepareEvent(body, principal.userId, new Date())
        const answer = { status: 202, body: answerOf(event) }
        return submit(deps, ctx, principal, { events: [event.stored], answer })
      },
    }),
    route({
      method: 'post',
      path: `${EVENTS}/batch`,
      summary: 'Publish up to 1000 events in one transaction, as a JSON array or NDJSON. Honours Idempotency-Key.',
      permission: 'events:publish',
      rawBody: true,
      bodyLimit: deps.batchBodyLimit,
      status: 202,
      async handle({ principal, ctx }) {
        const now = new Date()
        const events = readBatch(ctx, (input) => prepareEvent(input, principal.userId, now))
        const body = `{"accepted":${events.length},"events":[${events.map(answerOf).join(',')}]}`
        const stored = events.map((event) => event.stored)
        return submit(deps, ctx, principal, { events: stored, answer: { status: 202, body } })
      },
    }),
    route({
      method: 'get',
      path: EVENTS,
      summary: 'List public events, your own and those you published, newest first.',
      permission: 'events:read',
      query: ListQuery,
      async handle({ principal, query, ctx }) {
        const rows = await listEvents(deps.db, reader(principal), {
          eventType: query.event_type,
          symbol: query.symbol,
          since: query.since,
          until: query.until,
          before: query.cursor,
          limit: query.limit,
        })
        const { rows: shown, next_cursor } = page(rows, query.limit)
        ctx.type = 'json'
        const events = shown.map((event) => presentEvent(event))
        return `{"events":[${events.join(',')}],"next_cursor":${JSON.stringify(next_cursor)}}`
      },
    }),
    route({
      method: 'get',
      path: `${EVENTS}/:id`,
      summary: 'Read an event with its deliveries to your webhooks.',
      permission: 'events:read',
      params: z.object({ id: idParam('evt', 'event') }),
      async handle({ principal, params, ctx }) {
        const event = await findEvent(deps.db, reader(principal), params.id)
        if (!event) throw notFound('event')
        const userId = principal.role === 'admin' ? null : principal.userId
        const rows = await listDeliveriesOfEvent(deps.db, event.id, userId, MOST_DELIVERIES + 1)
        ctx.type = 'json'
        return presentEvent(event, {
          deliveries: rows.slice(0, MOST_DELIVERIES).map(presentDelivery),
          deliveries_truncated: rows.length > MOST_DELIVERIES,
        })
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/event-types',
      summary: 'The catalogue of event types, each with its JSON Schema and an example.',
      permission: 'authenticated',
      handle: async () => eventTypesDocument(),
    }),
  ]
}

/** Stores, answers after the commit, then announces and wakes the feeder: neither can fail the request any more. */
async function submit(
  deps: EventDeps,
  ctx: Input<unknown, unknown, unknown>['ctx'],
  principal: Principal,
  submission: Submission,
): Promise<unknown> {
  const use = keyUse(ctx, principal)
  const acceptance = await accept(deps, ctx.state['span'], use ? { ...submission, use } : submission)
  ctx.status = acceptance.status
  if (acceptance.replayed) ctx.set('Idempotency-Replayed', 'true')
  else {
    void deps.announcer.announce(submission.events)
    if (acceptance.deliveries > 0) deps.wake.wake()
    deps.onAccepted(submission.events.length, acceptance.deliveries)
  }
  ctx.type = 'json'
  return acceptance.body
}

/** What comes of an event goes on with the trace of its acceptance. */
async function accept({ accept, tracing }: EventDeps, request: Span | undefined, submission: Submission) {
  if (!tracing) return accept(submission)
  const attributes = { 'ara.events': submission.events.length }
  const span = tracing.begin('accept events', { kind: 'producer', parent: request?.traceparent, attributes })
  const events = submission.events.map((event) => ({ ...event, traceparent: span.traceparent }))
  try {
    const acceptance = await accept({ ...submission, events })
    span.end({ attributes: { 'ara.deliveries': acceptance.deliveries, 'ara.replayed': acceptance.replayed } })
    return acceptance
  } catch (error) {
    span.end({ failure: error instanceof ApiError ? error.code : 'internal_error' })
    throw error
  }
}

/** The answer to one event; how many webhooks it is owed to is known once it is stored. */
function answerOf({ answer }: PreparedEvent): string {
  const { event_id, event_type, timestamp } = answer
  // None of them holds what JSON escapes.
  return `{"event_id":"${event_id}","event_type":"${event_type}","timestamp":"${timestamp}","deliveries":${HOLE}}`
}

function reader(principal: Principal) {
  return { userId: principal.userId, seesAll: principal.role === 'admin' }
}
