import type { SlowStage } from '../telemetry/stream-metrics.ts'
import type { Subscriber } from './subscriber.ts'

export function countSlow(subscribers: ReadonlySet<Subscriber>): Record<SlowStage, number> {
  const count = { waiting: 0, degraded: 0, ending: 0 }
  for (const { state, degraded, slowSince } of subscribers) {
    if (state === 'ending') count.ending += 1
    else if (degraded) count.degraded += 1
    else if (slowSince > 0) count.waiting += 1
  }
  return count
}
