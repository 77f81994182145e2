/** What `data` holds by event type. More fields than these may come. */
export interface EventData {
  prediction_complete: {
    symbol: string
    predicted_price: number
    /** 0 to 1. */
    confidence: number
    /** A fraction: 0.05 is 5 %. The server adds it where the producer left it out. */
    predicted_return?: number
    current_price?: number
    prediction_id?: string
    /** Days. */
    prediction_horizon?: number
    lower_bound?: number
    upper_bound?: number
    model_version?: string
  }
  model_trained: {
    model_id: string
    model_type: string
    symbol?: string
    accuracy?: number
    /** Seconds. */
    training_duration?: number
  }
  model_deployed: { model_id: string; environment: string; status?: string; message?: string }
  backtest_complete: {
    symbol: string
    start_date?: string
    end_date?: string
    total_return?: number
    sharpe_ratio?: number
    max_drawdown?: number
    win_rate?: number
  }
  alert_triggered: {
    symbol: string
    message: string
    type?: string
    severity?: 'low' | 'medium' | 'high' | 'critical'
    actual_value?: number
    threshold_value?: number
  }
  data_quality_issue: { source: string; issue: string; symbol?: string; quality_score?: number }
  system_error: { message: string; component?: string }
  webhook_failing: WebhookTrouble
  webhook_disabled: WebhookTrouble
}

export type EventType = keyof EventData

/** The body of a webhook. Newer servers may send types that are not listed here: have a `default` in your switch. */
export type WebhookEvent = {
  [Type in EventType]: { event_id: string; event_type: Type; timestamp: string; data: EventData[Type] }
}[EventType]

interface WebhookTrouble {
  webhook_id: string
  reason?: string
  failing_since?: string
}
