import { mkdir, writeFile } from 'node:fs/promises'
import { conditions, table } from '../../bench/support/table.ts'
import type { Finding } from './fault.ts'
import { CONCURRENCY, RATE } from './stage.ts'

const REPORT = new URL('../../docs/operations/faults.md', import.meta.url)
const HEAD = ['fault', 'accepted', 'delivered', 'duplicates', 'unlogged', 'resume time', '']

/** Prints the table; a whole run also writes it into the documentation. */
export async function writeReport(
  findings: readonly Finding[],
  run: { seed: number; minutes: number; whole: boolean },
): Promise<void> {
  const figures = table(HEAD, findings.map(toRow))
  process.stdout.write(`${figures}\n`)
  if (!run.whole) return
  await mkdir(new URL('.', REPORT), { recursive: true })
  await writeFile(REPORT, `${introduction(run)}\n${figures}\n`)
}

function toRow(finding: Finding): (string | number)[] {
  const { fault, accepted, delivered, duplicates, duplicatesAllowed, unlogged, resumeSeconds, losses } = finding
  const resumed = resumeSeconds === null ? '' : `${resumeSeconds.toFixed(1)} s (≤ ${fault.resume?.within} s)`
  const repeated = `${duplicates} (≤ ${duplicatesAllowed})`
  return [fault.what, accepted, delivered, repeated, unlogged, resumed, losses.length === 0 ? 'held' : 'FAILED']
}

function introduction({ seed, minutes }: { seed: number; minutes: number }): string {
  return `# What survives which fault

Made by \`npm run test:faults\`, which injects every fault below for real, each into a system of its own: the Procfile's
processes from \`dist/\`, PostgreSQL and Redis, receivers and a producer as processes of their own, on loopback. The producer
submits ${RATE} events a second, each under an \`Idempotency-Key\`, and asks again whenever it was not told; the fault comes at a
random moment. After all has come to rest, four ledgers are compared: what the producer was promised, what the receivers got
(every signature checked), what the database says, and what was done to the system. A row holds when

- every accepted event is stored, once, and streamed;
- for each stored event and each webhook there is exactly one delivery, delivered or exhausted, and its attempts are numbered
  without gap or repeat;
- every request that arrived is logged, and every logged answer was given;
- the counters of the webhooks agree with the log;
- no receiver took a delivery twice without a fault, and with one at most as often as attempts were cut: the processes that
  were killed × ${CONCURRENCY} attempts at a time;
- it went on in the time in brackets: after a killed worker, of the attempts it left behind, the slowest but one of a hundred;
  after a store came back, the last worker to make an attempt; after a wiped queue, the last job to be queued again.

Conditions: ${conditions('PostgreSQL with fsync', `seed ${seed}`, `${Math.round(minutes)} minutes in all`)}.
`
}
