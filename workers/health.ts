import type { Config } from '../src/config.ts'
import type { Database } from '../src/db/database.ts'
import { BREAKER_STATES } from '../src/deliveries/breaker.ts'
import { createHealthFindings, type HealthFindings } from '../src/deliveries/health-findings.ts'
import { startLoop } from '../src/loop.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'

export interface HealthDeps {
  db: Database
  config: Config['deliveries']
  metrics: Pick<DeliveryMetrics, 'breakers' | 'slowWebhooks'>
  /** Called when something was stored: more may be fed now. */
  onStored: () => void
  onError: (error: unknown) => void
}

export interface Health {
  findings: HealthFindings
  /** Stores what was noted last. */
  stop(): Promise<void>
}

/** A webhook that broke gets so much longer what was fed just before; a ramp takes a step in it. */
const STORE_EVERY_MS = 250
const READ_EVERY_MS = 1_000
const FORGET_EVERY_MS = 60_000

/** Keeps what is known of the webhooks with which something is wrong, here and in PostgreSQL. */
export function startHealth(deps: HealthDeps): Health {
  const { config, metrics } = deps
  const findings = createHealthFindings({
    db: deps.db,
    rules: {
      breaker: { ...config.breaker, cap: config.perWebhook },
      lane: { slowMs: config.slow.ms, sample: config.slow.sample },
    },
    random: Math.random,
    now: () => performance.now(),
    onCounts(counts) {
      for (const state of BREAKER_STATES) metrics.breakers(state, counts[state])
      metrics.slowWebhooks(counts.slow)
    },
  })
  const lastAt = { read: Number.NEGATIVE_INFINITY, forget: performance.now() }
  const loop = startLoop({
    everyMs: STORE_EVERY_MS,
    onError: deps.onError,
    async runOnce() {
      const stored = await findings.store()
      const now = performance.now()
      if (stored || now - lastAt.read >= READ_EVERY_MS) {
        await findings.read()
        lastAt.read = now
      }
      if (stored) deps.onStored()
      if (now - lastAt.forget >= FORGET_EVERY_MS) {
        lastAt.forget = now
        await findings.forgetStale()
      }
      return false
    },
  })
  return {
    findings,
    async stop() {
      await loop.stop()
      await findings.store().catch(deps.onError)
    },
  }
}
