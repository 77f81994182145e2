import type { ConsoleStage } from './console-stage.ts'
import { eventually } from './eventually.ts'

/** Something to see in every view: webhooks that are well and that are not, a delivery that is tried again, keys, alerts. */
export interface ConsoleData {
  webhook: string
  failing: string
  delivery: string
  event: string
}

export async function makeConsoleData({ system, admin, good, bad }: ConsoleStage): Promise<ConsoleData> {
  const post = <Answer>(path: string, body: unknown) => system.call<Answer>('POST', path, admin, body)
  const make = async (fields: object) => (await post<{ id: string }>('/api/v1/webhooks', fields)).id
  const webhook = await make({
    url: `${good.url}/hooks/predictions`,
    events: ['prediction_complete', 'alert_triggered'],
    description: 'Dashboard of the desk',
  })
  const failing = await make({
    url: `${bad.url}/hooks/orders`,
    events: ['*'],
    description: 'Order bot',
    symbols: ['TSLA'],
  })
  await make({ url: `${good.url}/hooks/archive`, events: ['backtest_complete'], active: false })
  const prediction = {
    symbol: 'TSLA',
    predicted_price: 251.4,
    current_price: 244.1,
    confidence: 0.71,
    lower_bound: 240,
    upper_bound: 262,
  }
  for (const current_price of [239.2, 241.8, 240.6]) {
    const data = { ...prediction, current_price, predicted_price: current_price * 1.02 }
    await post('/api/v1/events', { event_type: 'prediction_complete', data })
  }
  const { event_id: event } = await post<{ event_id: string }>('/api/v1/events', {
    event_type: 'prediction_complete',
    data: { ...prediction, model_version: 'ensemble-2.3', prediction_horizon: 5 },
  })
  const alert = { symbol: 'TSLA', message: 'TSLA moved 6.1 % within a day.', severity: 'critical' }
  await post('/api/v1/events', { event_type: 'alert_triggered', data: alert })
  await post('/api/v1/auth/api-keys', { name: 'Desk dashboard', role: 'readonly', expires_in_days: 90 })
  await post('/api/v1/auth/api-keys', { name: 'Order bot' })
  await post(`/api/v1/webhooks/${webhook}/recover`, { since: new Date(Date.now() - 3_600_000).toISOString() })
  const delivery = await eventually(
    async () => {
      const path = `/api/v1/webhooks/${failing}/deliveries?status=retrying`
      const { deliveries } = await system.call<{ deliveries: { id: string }[] }>('GET', path, admin)
      const [first] = deliveries
      if (!first) throw new Error('No delivery is being tried again')
      return first.id
    },
    { timeoutMs: 60_000 },
  )
  return { webhook, failing, delivery, event }
}
