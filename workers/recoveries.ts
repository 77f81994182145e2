import { setTimeout } from 'node:timers/promises'
import type { Database } from '../src/db/database.ts'
import { type Loop, startLoop } from '../src/loop.ts'
import { REST_MS, runRecoveryRound } from '../src/recoveries/recovery-round.ts'

const EVERY_MS = 500
/** A little more than a recovery rests, or its next round would be missed by a hair. */
const AGAIN_MS = REST_MS + 10

/** Goes on with the recoveries that are running, whoever began them. Safe in several processes. */
export function startRecoveries(deps: {
  db: Database
  /** Called when deliveries were opened, with their number. */
  onRecovered: (deliveries: number) => void
  onError: (error: unknown) => void
}): Loop {
  return startLoop({
    everyMs: EVERY_MS,
    onError: deps.onError,
    runOnce: async () => {
      const round = await runRecoveryRound(deps)
      if (round === 'idle') return false
      if (round !== 'full' && round.recovered > 0) deps.onRecovered(round.recovered)
      await setTimeout(AGAIN_MS)
      return true
    },
  })
}
