import { dropOldDays, type Retention } from '../src/db/retention.ts'
import { type Loop, startLoop } from '../src/loop.ts'

const EVERY_MS = 60_000
const HOUR_MS = 3_600_000

/** Drops the days that are over, once an hour; what a time-out left undone is tried again within a minute. */
export function startRetention(deps: {
  url: string
  retentionDays: number
  now: () => Date
  onDone: (retention: Retention) => void
  onError: (error: unknown) => void
}): Loop {
  let doneAt = Number.NEGATIVE_INFINITY
  return startLoop({
    everyMs: EVERY_MS,
    onError: deps.onError,
    runOnce: async () => {
      const now = deps.now()
      if (now.getTime() - doneAt < HOUR_MS) return false
      const retention = await dropOldDays({ url: deps.url, retentionDays: deps.retentionDays, now })
      doneAt = now.getTime()
      if (retention) deps.onDone(retention)
      return false
    },
  })
}
