import type { Comparison, Injected, Ledgers } from '../support/ledgers.ts'
import type { Told } from './production.ts'
import type { Stage, StageOrder } from './stage.ts'

/** Something that goes wrong, and what must hold all the same. */
export interface Fault {
  /** What `--only` takes: `worker-killed`. */
  name: string
  /** What happens, as a row of the report says it. */
  what: string
  stage?: StageOrder
  /** It brings its own producer. */
  load?: 'own'
  /** Does it, at random moments, while events pour in; resolves when all that is to be healed was healed. */
  inject(stage: Stage): Promise<void>
  /** Seconds until the system went on. The gate is in `within`. */
  resume?: { of: (evidence: Evidence) => number | null; within: number }
  /** More that must hold; one line for each that does not. */
  also?: (evidence: Evidence) => string[]
}

/** What a fault left behind, after all has come to rest. */
export interface Evidence {
  ledgers: Ledgers
  told: Told
  /** Seconds that were measured on the way. */
  measured: ReadonlyMap<string, number>
  faults: readonly Injected[]
}

/** A row of the report. */
export interface Finding extends Comparison {
  fault: Fault
  resumeSeconds: number | null
  /** What came of the run itself. */
  seconds: number
}
