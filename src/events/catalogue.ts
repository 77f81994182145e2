import { z } from 'zod'
import { complaintsOf, PLAIN } from '../complaints.ts'
import type { Channel } from '../config.ts'
import { invalid, tooLarge } from '../errors.ts'
import { canonicalJson } from '../json/canonical-json.ts'
import type { JsonObject } from '../json/strict-json.ts'
import * as data from './event-data.ts'
import { examples } from './event-examples.ts'

export const EVENT_TYPES = [
  'prediction_complete',
  'model_trained',
  'model_deployed',
  'backtest_complete',
  'alert_triggered',
  'data_quality_issue',
  'system_error',
  'webhook_failing',
  'webhook_disabled',
] as const

export type EventType = (typeof EVENT_TYPES)[number]

export interface CatalogueEntry {
  description: string
  data: z.ZodType<Record<string, unknown>>
  example: JsonObject
  /** Made by the system; producers cannot publish it. */
  systemOnly: boolean
  /** Where it also appears as a message. */
  stream?: { channel: Channel; messageType: string }
}

export const catalogue: Record<EventType, CatalogueEntry> = {
  prediction_complete: {
    description: 'A model finished a prediction for a symbol.',
    data: data.PredictionComplete,
    example: examples.prediction_complete,
    systemOnly: false,
    stream: { channel: 'predictions', messageType: 'prediction_update' },
  },
  model_trained: entry('A model finished training.', data.ModelTrained, examples.model_trained),
  model_deployed: entry('A model was deployed to an environment.', data.ModelDeployed, examples.model_deployed),
  backtest_complete: entry('A backtest finished.', data.BacktestComplete, examples.backtest_complete),
  alert_triggered: {
    description: 'A rule about a symbol fired.',
    data: data.AlertTriggered,
    example: examples.alert_triggered,
    systemOnly: false,
    stream: { channel: 'alerts', messageType: 'alert' },
  },
  data_quality_issue: entry('A data source is late or wrong.', data.DataQualityIssue, examples.data_quality_issue),
  system_error: entry('A part of the platform failed.', data.SystemError, examples.system_error),
  webhook_failing: {
    ...entry('A webhook has been failing for a while.', data.WebhookTrouble, examples.webhook_failing),
    systemOnly: true,
  },
  webhook_disabled: {
    ...entry('A webhook was turned off.', data.WebhookTrouble, examples.webhook_disabled),
    systemOnly: true,
  },
}

/** What producers may publish. */
export const PUBLISHED_TYPES: readonly EventType[] = EVENT_TYPES.filter((type) => !catalogue[type].systemOnly)

const SYSTEM_ONLY = 'is made by the system only'
const LARGEST_EVENT = 64 * 1024

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(catalogue, text)
}

/** The type of an event that is published. */
export const publishedType = z.enum(PUBLISHED_TYPES, {
  error: ({ input }) => (EVENT_TYPES.some((type) => type === input) ? SYSTEM_ONLY : undefined),
})

/**
 * Validates the data of an event and completes it: the symbol upper-cased, `predicted_return` derived where it was left out.
 * @throws ApiError 422, with paths like `data.confidence`
 */
export function validateEventData(type: EventType, given: JsonObject): { data: JsonObject; symbol: string | null } {
  const { systemOnly, data: schema } = catalogue[type]
  if (systemOnly) throw invalid([{ path: 'event_type', reason: SYSTEM_ONLY }])
  const parsed = schema.safeParse(given, PLAIN)
  if (!parsed.success) throw invalid(complaintsOf(parsed.error, ['data']))
  const completed = complete(type, parsed.data as JsonObject)
  const symbol = completed['symbol']
  return { data: completed, symbol: typeof symbol === 'string' ? symbol : null }
}

/**
 * The canonical text of an event: what is stored, signed and sent.
 * @throws ApiError 413 over 64 KiB
 */
export function canonicalEvent(event: {
  data: JsonObject
  event_id: string
  event_type: string
  timestamp: string
}): string {
  // Its keys in their order; what stands beside the data is plain text.
  const { data, event_id, event_type, timestamp } = event
  const text = `{"data": ${canonicalJson(data)}, "event_id": "${event_id}", "event_type": "${event_type}", "timestamp": "${timestamp}"}`
  if (text.length > LARGEST_EVENT) throw tooLarge(`An event's canonical text has at most ${LARGEST_EVENT} bytes.`)
  return text
}

/** What `GET /api/v1/event-types` answers. */
export function eventTypesDocument() {
  return {
    event_types: EVENT_TYPES.map((type) => {
      const { description, data: schema, example, systemOnly, stream } = catalogue[type]
      return {
        event_type: type,
        description,
        system_only: systemOnly,
        schema: z.toJSONSchema(schema, { io: 'input' }),
        example,
        streamed_as: stream ? { channel: stream.channel, type: stream.messageType } : null,
      }
    }),
  }
}

function entry(description: string, schema: CatalogueEntry['data'], example: JsonObject): CatalogueEntry {
  return { description, data: schema, example, systemOnly: false }
}

function complete(type: EventType, given: JsonObject): JsonObject {
  const { predicted_return, predicted_price, current_price } = given
  if (type !== 'prediction_complete' || predicted_return !== undefined) return given
  if (typeof predicted_price !== 'number' || typeof current_price !== 'number') return given
  const derived = predicted_price / current_price - 1
  if (!Number.isFinite(derived)) {
    throw invalid([{ path: 'data.current_price', reason: 'is too small beside predicted_price' }])
  }
  return { ...given, predicted_return: derived }
}
