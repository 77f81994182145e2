import { setTimeout } from 'node:timers/promises'
import type { AttemptRow } from '../support/ledgers.ts'
import type { Evidence } from './fault.ts'
import type { Stage } from './stage.ts'

/*
 * How long it took until the system went on.
 */

const LOOK_EVERY_MS = 100
const GIVE_UP_MS = 90_000

/** What was measured while the fault was injected. */
export function measured({ measured }: Evidence): number | null {
  return measured.get('resumed') ?? null
}

/**
 * From the death of each worker until the attempts that it left behind were made again: of a hundred the slowest but one.
 * Null when no attempt was cut.
 */
export function afterDeaths({ ledgers, faults }: Evidence): number | null {
  const attempts = new Map(ledgers.database.attempts.map((attempt) => [nameOf(attempt), attempt]))
  const waits = faults.flatMap(({ at, pid }) => {
    const left = ledgers.database.attempts.filter((attempt) => isOf(attempt, pid) && attempt.startedAt <= at)
    const cut = left.filter(({ status }) => status === 'unknown' || status === 'superseded')
    const next = cut.flatMap(({ delivery, attempt }) => attempts.get(nameOf({ delivery, attempt: attempt + 1 })) ?? [])
    return next.filter(({ startedAt }) => startedAt > at).map(({ startedAt }) => (startedAt - at) / 1000)
  })
  return percentile(waits, 0.99)
}

/** From now until every running worker has begun an attempt. */
export async function untilAllAttempt(stage: Stage, since: number): Promise<void> {
  const pids = stage.crew.running('worker').map(({ pid }) => String(pid))
  await measure(stage, since, async () => {
    const rows = await stage.system.database.db.query<{ pid: string; first: number }>({
      text: `SELECT split_part(worker, ':', 2) AS pid, (extract(epoch FROM min(started_at)) * 1000)::float8 AS first
             FROM attempts WHERE started_at > to_timestamp($1::float8 / 1000) GROUP BY 1`,
      values: [since],
    })
    const firsts = new Map(rows.map((row) => [row.pid, row.first]))
    return pids.every((pid) => firsts.has(pid)) ? Math.max(...pids.map((pid) => firsts.get(pid) ?? since)) : null
  })
}

/** From now until every one of the webhooks, else all, has got a delivery. */
export async function untilAllDeliver(stage: Stage, since: number, webhooks = stage.webhooks): Promise<void> {
  const ids = webhooks.map((webhook) => webhook.slice('wh_'.length))
  await measure(stage, since, async () => {
    const rows = await stage.system.database.db.query<{ first: number }>({
      text: `SELECT (extract(epoch FROM min(delivered_at)) * 1000)::float8 AS first FROM deliveries
             WHERE webhook_id = ANY ($1) AND delivered_at > to_timestamp($2::float8 / 1000) GROUP BY webhook_id`,
      values: [ids, since],
    })
    return rows.length === ids.length ? Math.max(...rows.map(({ first }) => first)) : null
  })
}

/** The jobs that are in the queue or under way right now; resolves to what waits until each is queued or attempted anew. */
export async function whatIsQueued(
  stage: Stage,
): Promise<{ jobs: number; untilQueuedAgain: (since: number) => Promise<void> }> {
  const { db } = stage.system.database
  const jobs = await db.query<{ delivery_id: string; fed_until: string }>({
    text: 'SELECT delivery_id, fed_until::text FROM due WHERE fed_until > now()',
  })
  return {
    jobs: jobs.length,
    untilQueuedAgain: (since) =>
      measure(stage, since, async () => {
        const [row] = await db.query<{ left: number }>({
          text: `SELECT count(*) AS left FROM due JOIN unnest($1::uuid[], $2::timestamptz[]) AS job(delivery_id, fed_until)
                 USING (delivery_id, fed_until)`,
          values: [jobs.map((job) => job.delivery_id), jobs.map((job) => job.fed_until)],
        })
        return row?.left === 0 ? Date.now() : null
      }),
  }
}

/** Keeps the longest of several in one run. */
async function measure(stage: Stage, since: number, reached: () => Promise<number | null>): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS
  for (;;) {
    const at = await reached().catch(() => null)
    if (at !== null || Date.now() > deadline) {
      const seconds = ((at ?? Date.now()) - since) / 1000
      stage.measured.set('resumed', Math.max(seconds, stage.measured.get('resumed') ?? 0))
      return
    }
    await setTimeout(LOOK_EVERY_MS)
  }
}

function isOf({ worker }: AttemptRow, pid: number | undefined): boolean {
  return pid !== undefined && worker.split(':')[1] === String(pid)
}

function nameOf({ delivery, attempt }: { delivery: string; attempt: number }): string {
  return `${delivery} ${attempt}`
}

function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? null
}
