import { ask } from '../api/api.ts'
import type { Page, StoredEvent } from '../api/shapes.ts'
import { createSignal } from '../signal.ts'
import { useClient } from './live.ts'
import {
  type Quotes,
  readAlert,
  type SeenAlert,
  toAlert,
  withAlert,
  withHistory,
  withPrediction,
  withPrice,
} from './quotes.ts'

export const alerts = createSignal<readonly SeenAlert[]>([])

/** Follows price and predictions of a symbol until what it returns is called. */
export function followSymbol(symbol: string, onChange: (how: (before: Quotes) => Quotes) => void): () => void {
  return useClient((client) => {
    const prices = client.subscribe({ channel: 'market-data', symbol }, (message) =>
      onChange((before) => withPrice(before, message)),
    )
    const predictions = client.subscribe({ channel: 'predictions', symbol, snapshot: true }, (message) =>
      onChange((before) => withPrediction(before, message)),
    )
    return () => {
      prices.unsubscribe()
      predictions.unsubscribe()
    }
  })
}

export function followAlerts(): () => void {
  return useClient((client) => {
    const subscription = client.subscribe({ channel: 'alerts' }, (message) => {
      alerts.value = withAlert(alerts.value, toAlert(message))
    })
    return () => subscription.unsubscribe()
  })
}

/** Stored predictions from before this page was opened, with the prices they were made at. */
export async function recallSymbol(symbol: string, signal: AbortSignal): Promise<(before: Quotes) => Quotes> {
  const query = { event_type: 'prediction_complete', symbol, limit: 100 }
  const { events } = await ask<Page<'events', StoredEvent>>('GET', '/api/v1/events', { query, signal })
  return (before) => withHistory(before, events)
}

export async function recallAlerts(signal: AbortSignal): Promise<void> {
  const query = { event_type: 'alert_triggered', limit: 20 }
  const { events } = await ask<Page<'events', StoredEvent>>('GET', '/api/v1/events', { query, signal })
  for (const event of [...events].reverse()) {
    alerts.value = withAlert(alerts.value, {
      id: event.event_id,
      at: Date.parse(event.timestamp),
      ...readAlert(event.data),
    })
  }
}
