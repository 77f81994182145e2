import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startOwnPostgres } from '../support/own-postgres.ts'
import type { Fault, Finding } from './fault.ts'
import { faults } from './list.ts'
import { writeReport } from './report.ts'
import { runFault } from './run-fault.ts'

/*
 * `npm run test:faults`: injects every fault, each into a system of its own under load, and compares the four ledgers. Prints
 * the table and, after a whole run, writes docs/operations/faults.md. Ends with 1 when a gate failed.
 *
 *   --list            the names of the faults
 *   --only a,b        these alone; nothing is written
 *   --seed 42         the random moments of an earlier run
 */
const { values } = parseArgs({
  options: { only: { type: 'string' }, list: { type: 'boolean' }, seed: { type: 'string' } },
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (values.list) {
  for (const { name, what } of faults) process.stdout.write(`${name.padEnd(28)} ${what}\n`)
} else {
  process.exitCode = (await runAll(values.only?.split(','), Number(values.seed ?? randomInt(2 ** 31)))) ? 0 : 1
}

async function runAll(only: string[] | undefined, seed: number): Promise<boolean> {
  const unknown = only?.filter((name) => !faults.some((fault) => fault.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`No such fault: ${unknown.join(', ')}; --list names them`)
  const chosen = faults.filter(({ name }) => only === undefined || only.includes(name))
  process.stderr.write(`${chosen.length} faults, seed ${seed}\n`)
  const random = seeded(seed)
  const startedAt = performance.now()
  const postgres = await startOwnPostgres()
  const findings: Finding[] = []
  try {
    for (const [index, fault] of chosen.entries()) {
      process.stderr.write(`${index + 1}/${chosen.length} ${fault.name}: ${fault.what}\n`)
      const finding = await runFault(postgres, fault, random).catch((error) => failed(fault, error))
      findings.push(finding)
      process.stderr.write(`    ${sayFinding(finding)}\n`)
    }
  } finally {
    await postgres.stop()
  }
  const minutes = (performance.now() - startedAt) / 60_000
  await writeReport(findings, { seed, minutes, whole: only === undefined })
  return findings.every(({ losses }) => losses.length === 0)
}

/** A fault whose run broke off says so, and the others still run. */
function failed(fault: Fault, error: unknown): Finding {
  const figures = { accepted: 0, delivered: 0, duplicates: 0, duplicatesAllowed: 0, unlogged: 0 }
  const losses = [error instanceof Error ? (error.stack ?? error.message) : String(error)]
  return { ...figures, losses, fault, resumeSeconds: null, seconds: 0 }
}

function sayFinding({ accepted, delivered, duplicates, unlogged, resumeSeconds, seconds, losses }: Finding): string {
  const resumed = resumeSeconds === null ? '' : `, resumed after ${resumeSeconds.toFixed(1)} s`
  const figures = `${accepted} accepted, ${delivered} delivered, ${duplicates} twice, ${unlogged} unlogged${resumed}`
  const verdict =
    losses.length === 0
      ? 'ok'
      : `FAILED\n      ${[...losses.slice(0, 10), ...losses.slice(10).slice(-2)].join('\n      ')}`
  return `${figures} (${Math.round(seconds)} s): ${verdict}`
}

/** A small generator (mulberry32), so that a seed gives the same moments again. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
