import type { StoredEvent } from '../../api/shapes.ts'
import { price, signedPercent, words } from '../../format.ts'

/** An event in one line. */
export function summaryOf({ event_type, data }: Pick<StoredEvent, 'event_type' | 'data'>): string {
  const text = (name: string) => (typeof data[name] === 'string' ? (data[name] as string) : '')
  const number = (name: string) => (typeof data[name] === 'number' ? (data[name] as number) : null)
  switch (event_type) {
    case 'prediction_complete': {
      const [predicted, change] = [number('predicted_price'), number('predicted_return')]
      if (predicted === null) return ''
      return change === null ? `to ${price(predicted)}` : `to ${price(predicted)} (${signedPercent(change)})`
    }
    case 'model_trained':
      return `${text('model_id')}, ${text('model_type')}`
    case 'model_deployed':
      return `${text('model_id')} to ${text('environment')}`
    case 'backtest_complete': {
      const total = number('total_return')
      return total === null ? '' : `total return ${signedPercent(total)}`
    }
    case 'data_quality_issue':
      return `${text('source')}: ${text('issue')}`
    default:
      return text('message') || words(text('reason'))
  }
}
