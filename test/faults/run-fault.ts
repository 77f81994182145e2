import { setTimeout } from 'node:timers/promises'
import { count, readDatabase } from '../support/database-ledger.ts'
import { compareLedgers, type Ledgers } from '../support/ledgers.ts'
import type { OwnPostgres } from '../support/own-postgres.ts'
import type { Evidence, Fault, Finding } from './fault.ts'
import { CONCURRENCY, type Stage, setStage } from './stage.ts'

/** Before and after the fault the system is seen to work. */
const UNDISTURBED_MS = 1_500
const SHOWN_ROWS = 2

/** Injects one fault into a system of its own under load, waits until all has come to rest, and compares the ledgers. */
export async function runFault(postgres: OwnPostgres, fault: Fault, random: () => number): Promise<Finding> {
  const startedAt = performance.now()
  const stage = await setStage(postgres, fault.stage ?? {}, random)
  try {
    const evidence = await gather(stage, fault)
    const comparison = compareLedgers(evidence.ledgers)
    const resumeSeconds = fault.resume?.of(evidence) ?? null
    const losses = [
      ...stage.log.takeComplaints(),
      ...comparison.losses,
      ...judgeTold(evidence),
      ...judgeResume(fault, resumeSeconds),
      ...(fault.also?.(evidence) ?? []),
    ]
    losses.push(...(await rowsOfTheFirst(stage, losses)))
    const seconds = (performance.now() - startedAt) / 1000
    return { ...comparison, losses, fault, resumeSeconds, seconds }
  } finally {
    await stage.close()
  }
}

async function gather(stage: Stage, fault: Fault): Promise<Evidence> {
  if (fault.load !== 'own') await stage.produce()
  await setTimeout(UNDISTURBED_MS)
  await fault.inject(stage)
  await setTimeout(UNDISTURBED_MS)
  await stage.crew.complete()
  const told = await stage.told()
  await stage.settled().catch(() => complainOfOpen(stage))
  const ledgers = await readLedgers(stage)
  return { told, measured: stage.measured, faults: stage.log.entries(), ledgers }
}

/** All producers must have stopped. */
export async function readLedgers(stage: Stage): Promise<Ledgers> {
  return {
    producer: (await stage.told()).promised,
    receiver: await stage.receivers.lines(),
    database: await readDatabase(stage.system.database.db),
    faults: stage.log.entries(),
    concurrency: CONCURRENCY,
    webhooks: stage.webhooks,
  }
}

/** What the database says, after all, of the first deliveries that something is wrong with. */
async function rowsOfTheFirst(stage: Stage, losses: readonly string[]): Promise<string[]> {
  const named = losses.flatMap((loss) => /dlv_([0-9a-f-]{36})/.exec(loss)?.slice(1) ?? [])
  const rows = await stage.system.database.db.query({
    text: `SELECT (SELECT to_jsonb(d) - 'response_body' FROM deliveries d WHERE d.id = given.id) AS delivery,
             (SELECT to_jsonb(d) FROM due d WHERE d.delivery_id = given.id) AS due,
             (SELECT jsonb_agg(jsonb_build_array(attempt, status, worker, started_at, finished_at, response_code, error) ORDER BY attempt)
              FROM attempts WHERE delivery_id = given.id) AS attempts
           FROM unnest($1::uuid[]) AS given(id)`,
    values: [[...new Set(named)].slice(0, SHOWN_ROWS)],
  })
  return rows.map((row) => JSON.stringify(row))
}

async function complainOfOpen(stage: Stage): Promise<void> {
  const { db } = stage.system.database
  const rows = await db.query({ text: 'SELECT *, now() FROM due ORDER BY due_at LIMIT 3' })
  const open = `${await count(db, 'due')} due, ${await count(db, 'announcements')} unannounced`
  const said = stage.crew.running('worker').map((program) => {
    const lines = program.output().split('\n')
    return lines.filter((line) => !line.includes('"delivery.attempted"')).slice(-5)
  })
  stage.log.complain(`Not at rest: ${open}: ${JSON.stringify(rows)}; the workers said ${JSON.stringify(said)}`)
}

function judgeTold({ told }: Evidence): string[] {
  const { refused, unknown } = told
  return [
    ...refused.slice(0, 3).map((line) => `A producer was refused: ${line}`),
    ...(unknown > 0 ? [`Producers never learned what came of ${unknown} requests`] : []),
    ...(told.promised.length === 0 ? ['Nothing was accepted'] : []),
  ]
}

function judgeResume({ resume }: Fault, seconds: number | null): string[] {
  if (resume === undefined) return []
  if (seconds === null) return ['The fault hit nothing: nothing had to resume']
  return seconds <= resume.within ? [] : [`It went on after ${seconds.toFixed(1)} s, allowed ${resume.within} s`]
}
