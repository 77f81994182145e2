import { z } from 'zod'
import { symbolSchema } from './symbol.ts'

/*
 * What `data` of each event type must and may hold. More fields pass through untouched. Numbers are finite: the JSON reader
 * has refused the others.
 */

const word = z.string().min(1).max(200)
const text = z.string().min(1).max(4000)
const price = z.number().positive()
const share = z.number().min(0).max(1)
const day = z.string().min(1).max(40)

/** One of `predicted_return` and `current_price` must be there; the first is derived from the second and added. */
export const PredictionComplete = z
  .looseObject({
    symbol: symbolSchema,
    predicted_price: price,
    confidence: share,
    predicted_return: z.number().optional(),
    current_price: price.optional(),
    prediction_id: word.optional(),
    prediction_horizon: z.number().positive().optional(),
    lower_bound: z.number().optional(),
    upper_bound: z.number().optional(),
    model_version: word.optional(),
  })
  .superRefine((data, context) => {
    if (data.predicted_return !== undefined || data.current_price !== undefined) return
    context.addIssue({
      code: 'custom',
      path: ['predicted_return'],
      message: 'is required unless current_price is given',
    })
  })
  .meta({ anyOf: [{ required: ['predicted_return'] }, { required: ['current_price'] }] })

export const ModelTrained = z.looseObject({
  model_id: word,
  model_type: word,
  symbol: symbolSchema.optional(),
  accuracy: z.number().optional(),
  training_duration: z.number().min(0).optional(),
})

export const ModelDeployed = z.looseObject({
  model_id: word,
  environment: word,
  status: word.optional(),
  message: text.optional(),
})

export const BacktestComplete = z.looseObject({
  symbol: symbolSchema,
  start_date: day.optional(),
  end_date: day.optional(),
  total_return: z.number().optional(),
  sharpe_ratio: z.number().optional(),
  max_drawdown: z.number().optional(),
  win_rate: share.optional(),
})

export const AlertTriggered = z.looseObject({
  symbol: symbolSchema,
  message: text,
  type: word.optional(),
  severity: z.enum(['low', 'medium', 'high', 'critical']).optional(),
  actual_value: z.number().optional(),
  threshold_value: z.number().optional(),
})

export const DataQualityIssue = z.looseObject({
  source: word,
  issue: text,
  symbol: symbolSchema.optional(),
  quality_score: share.optional(),
})

export const SystemError = z.looseObject({ message: text, component: word.optional() })

/** `webhook_failing` and `webhook_disabled`. */
export const WebhookTrouble = z.looseObject({
  webhook_id: word,
  reason: text.optional(),
  failing_since: day.optional(),
})
