import { hostname } from 'node:os'
import type { Config } from '../src/config.ts'
import type { Database } from '../src/db/database.ts'
import type { SecretBox } from '../src/db/secret-box.ts'
import { type Claim, createClaim } from '../src/deliveries/claim.ts'
import { createLeases, RENEW_EVERY_MS } from '../src/deliveries/leases.ts'
import { type AttemptDeps, type Attempted, makeAttempt } from '../src/deliveries/make-attempt.ts'
import { createRecord } from '../src/deliveries/record.ts'
import { createSender } from '../src/deliveries/send.ts'
import { createAttemptTraces } from '../src/deliveries/trace-attempt.ts'
import { uuidv7 } from '../src/ids.ts'
import { startLoop } from '../src/loop.ts'
import type { Tracing } from '../src/telemetry/tracing.ts'

/** One process's part in attempts, under the one name that its leases and records carry. */
export interface Attempting {
  readonly name: string
  /** @returns null when the number was not ours to claim */
  make(claim: Claim, signal: AbortSignal): Promise<Attempted | null>
  close(): Promise<void>
}

export interface AttemptingDeps extends Pick<AttemptDeps, 'onClaimed' | 'onGone' | 'onAttempt' | 'onError'> {
  db: Database
  secrets: SecretBox
  rules: AttemptRules
  version: string
  tracing?: Tracing | undefined
  /** Told how many shared a statement. */
  metrics?: { claimed: (size: number) => void; recorded: (size: number) => void }
}

export type AttemptRules = Pick<Config['deliveries'], 'allowCidrs' | 'retryBaseMs' | 'retryCapMs' | 'timeoutMs'>

export function startAttempting(deps: AttemptingDeps): Attempting {
  const { db, rules, metrics } = deps
  const name = `${hostname()}:${process.pid}:${uuidv7().slice(-6)}`
  const leases = createLeases({ db, worker: name })
  const sender = createSender({ allowCidrs: rules.allowCidrs })
  const attempt: AttemptDeps = {
    claim: createClaim({ db, worker: name, ...(metrics ? { onBatch: metrics.claimed } : {}) }),
    record: createRecord({ db, worker: name, ...(metrics ? { onBatch: metrics.recorded } : {}) }),
    leases,
    sender,
    secrets: deps.secrets,
    retry: { baseMs: rules.retryBaseMs, capMs: rules.retryCapMs },
    timeoutMs: rules.timeoutMs,
    version: deps.version,
    random: Math.random,
    ...(deps.tracing ? { traces: createAttemptTraces(deps.tracing) } : {}),
    ...(deps.onClaimed ? { onClaimed: deps.onClaimed } : {}),
    onGone: deps.onGone,
    onAttempt: deps.onAttempt,
    onError: deps.onError,
  }
  const renewal = startLoop({
    runOnce: async () => void (await leases.renew()),
    everyMs: RENEW_EVERY_MS,
    onError: deps.onError,
  })
  return {
    name,
    make: (claim, signal) => makeAttempt(attempt, claim, signal),
    async close() {
      await renewal.stop()
      await sender.close()
    },
  }
}
