import type { Overview } from '../../api/shapes.ts'

/** What the tiles show, one sample for each time the overview was read. */
export interface Sample {
  at: number
  events: number | null
  attempts: number
  messages: number | null
  requests: number | null
  oldestDue: number
  open: number
  p50: number | null
  p95: number | null
  delay: number | null
  sockets: number
  waiting: number
}

const MOST_SAMPLES = 120

export function withSample(samples: readonly Sample[], before: Overview | null, now: Overview): readonly Sample[] {
  return [...samples, toSample(before, now)].slice(-MOST_SAMPLES)
}

/**
 * Totals are those of the process that answered: behind one address there may be several, so a rate is told only between two
 * answers of the same one.
 */
function toSample(before: Overview | null, now: Overview): Sample {
  const isSame = before !== null && before.process.id === now.process.id
  const seconds = isSame ? (Date.parse(now.timestamp) - Date.parse(before.timestamp)) / 1000 : 0
  const rate = (name: 'events' | 'messages' | 'requests') =>
    isSame && seconds > 0 ? Math.max(0, now.process[name] - before.process[name]) / seconds : null
  return {
    at: Date.parse(now.timestamp) / 1000,
    events: rate('events'),
    attempts: now.attempts.per_second,
    messages: rate('messages'),
    requests: rate('requests'),
    oldestDue: now.oldest_due_seconds,
    open: now.open_deliveries,
    p50: now.attempts.p50_ms,
    p95: now.attempts.p95_ms,
    delay: now.attempts.first_delay_p95_ms,
    sockets: now.process.sockets,
    waiting: Object.values(now.lanes_waiting).reduce<number>((sum, jobs) => sum + (jobs ?? 0), 0),
  }
}
