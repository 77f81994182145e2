import { createInterface } from 'node:readline'
import { createClosers } from '../src/closers.ts'
import { armCrashPoint } from '../src/crash-points.ts'
import { type Database, openDatabase } from '../src/db/database.ts'
import { createSecretBox } from '../src/db/secret-box.ts'
import type { Claim } from '../src/deliveries/claim.ts'
import { openLog } from '../src/telemetry/log.ts'
import { openTracing } from '../src/telemetry/tracing.ts'
import { type Attempting, startAttempting } from './attempting.ts'
import { type FromLoneProcess, type Opening, ofLine, type ToLoneProcess } from './lone-messages.ts'

/*
 * The process in which a worker makes the attempts of `lone-attempts.ts`, one at a time. It does what its worker writes to its
 * standard input and ends when that is closed, also by the worker's death: then after what it was told to make, if that is soon.
 */
const POOL = 2
/** Without its worker, no attempt is begun after so long. */
const GOES_ON_MS = 5_000
/** Closing takes so long at most, after the attempt under way; nobody is left who would end this process by force. */
const CLOSE_MS = 10_000
const log = openLog({ level: 'warn', name: 'lone attempts' })
const abort = new AbortController()
const closers = createClosers(log)
let opened: Promise<{ db: Database; attempting: Attempting }> | undefined
let making: Promise<void> = Promise.resolve()
let lastBegin = Number.POSITIVE_INFINITY

const orders = createInterface({ input: process.stdin })
orders.on('line', (line) => follow(ofLine(line)))
orders.once('close', end)
// A terminal tells the whole group; when to end is the worker's business.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)

function follow(order: ToLoneProcess): void {
  switch (order.kind) {
    case 'open':
      opened = open(order.opening)
      // Whoever asks for an attempt is told.
      opened.catch(() => undefined)
      return
    case 'make':
      making = making.then(() => make(order.claim))
      return
    case 'abort':
      abort.abort()
      return
    default:
      order satisfies never
  }
}

async function open({ databaseUrl, keys, rules, version, tracing, crashAt }: Opening) {
  armCrashPoint(crashAt)
  const onError = (error: unknown) => tell({ kind: 'error', message: describe(error) })
  const db = openDatabase({ url: databaseUrl, pool: POOL, name: 'ara-events lone attempts', onError })
  const attempting = startAttempting({
    db,
    secrets: createSecretBox(keys),
    rules,
    version,
    tracing: await openTracing({ config: { tracing, version }, part: 'lone attempts', log, closers }),
    onGone: async (webhookId) => tell({ kind: 'gone', webhookId }),
    // The worker does when it hears of it.
    onAttempt: () => undefined,
    onError,
  })
  return { db, attempting }
}

async function make(claim: Claim): Promise<void> {
  if (performance.now() > lastBegin) return
  try {
    const attempted = await (await opened)?.attempting.make(claim, abort.signal)
    tell({ kind: 'made', attempted: attempted ?? null })
  } catch (error) {
    tell({ kind: 'failed', message: describe(error) })
  }
}

async function end(): Promise<void> {
  lastBegin = performance.now() + GOES_ON_MS
  await making
  setTimeout(() => process.exit(1), CLOSE_MS).unref()
  const parts = await opened
  await parts?.attempting.close()
  await parts?.db.close()
  await closers.closeAll()
}

function tell(message: FromLoneProcess): void {
  // A worker that has ended hears nothing, and nothing is lost by that: what matters is recorded.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
