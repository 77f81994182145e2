import type { Database } from '../db/database.ts'
import type { BREAKER_STATES } from './breaker.ts'
import { type AgedFinding, applyFindings, forgetStaleHealth, type KnownHealth, listHealth } from './health-store.ts'
import type { WebhookLane } from './lane.ts'
import type { Finding, HealthRules } from './webhook-health.ts'

/**
 * What this worker's attempts show of their webhooks, on its way to PostgreSQL, and what PostgreSQL knows of all of them.
 *
 * Findings are gathered here and stored a few times a second, so that an attempt never waits for it. Of a webhook that is well
 * a quick success is no finding at all: the deliveries that matter for speed cost a look into a map. What a process that
 * dies had gathered is lost; the attempts that follow show it again.
 */
export interface HealthFindings {
  /** Notes what an attempt showed. */
  note(webhookId: string, finding: Omit<Finding, 'at'>): void
  laneOf(webhookId: string): WebhookLane
  anySlow(): boolean
  /** Stores what was noted. @returns whether there was anything */
  store(): Promise<boolean>
  /** Reads what is known of all. */
  read(): Promise<void>
  forgetStale(): Promise<void>
}

export type HealthCounts = Record<(typeof BREAKER_STATES)[number] | 'slow', number>

/** A webhook's state follows from its latest attempts; more of them at a time say no more. */
const MOST_OF_ONE = 100

export function createHealthFindings(deps: {
  db: Database
  rules: HealthRules
  random: () => number
  now: () => number
  /** Told how many webhooks are in each state; those of which nothing is known are well. */
  onCounts: (counts: HealthCounts) => void
}): HealthFindings {
  let noted = new Map<string, NotedFinding[]>()
  let known = new Map<string, KnownHealth>()
  let slow = 0

  async function store(): Promise<boolean> {
    if (noted.size === 0) return false
    const storing = noted
    noted = new Map()
    try {
      await applyFindings(deps, aged(storing, deps.now()))
      return true
    } catch (error) {
      for (const [id, later] of noted) storing.set(id, [...(storing.get(id) ?? []), ...later].slice(-MOST_OF_ONE))
      noted = storing
      throw error
    }
  }

  async function read(): Promise<void> {
    known = new Map((await listHealth(deps.db)).map((row) => [row.webhook_id, row]))
    const counts = countStates(known.values())
    slow = counts.slow
    deps.onCounts(counts)
  }

  return {
    note(webhookId, finding) {
      const somethingIsWrong = finding.failed === true || finding.slow === true
      if (!somethingIsWrong && !known.has(webhookId) && !noted.has(webhookId)) return
      const ofOne = noted.get(webhookId)
      const one = { ...finding, seenAt: deps.now() }
      if (!ofOne) noted.set(webhookId, [one])
      else if (ofOne.length < MOST_OF_ONE) ofOne.push(one)
    },
    laneOf: (webhookId) => known.get(webhookId)?.lane ?? 'quick',
    anySlow: () => slow > 0,
    store,
    read,
    forgetStale: () => forgetStaleHealth(deps.db),
  }
}

type NotedFinding = Omit<Finding, 'at'> & { seenAt: number }

function aged(noted: ReadonlyMap<string, readonly NotedFinding[]>, now: number): Map<string, AgedFinding[]> {
  const age = ({ seenAt, ...finding }: NotedFinding) => ({ ...finding, ageMs: now - seenAt })
  return new Map([...noted].map(([id, findings]) => [id, findings.map(age)]))
}

function countStates(known: Iterable<KnownHealth>): HealthCounts {
  const counts: HealthCounts = { closed: 0, open: 0, probing: 0, ramping: 0, slow: 0 }
  for (const { breaker, lane } of known) {
    counts[breaker] += 1
    if (lane === 'slow') counts.slow += 1
  }
  return counts
}
