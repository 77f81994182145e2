import { deserialize, serialize } from 'node:v8'
import type { SecretsKey } from '../src/config.ts'
import type { CrashAt } from '../src/crash-points.ts'
import type { Claim } from '../src/deliveries/claim.ts'
import type { Attempted } from '../src/deliveries/make-attempt.ts'
import type { AttemptRules } from './attempting.ts'

/*
 * What a worker and a process of lone attempts tell each other. The worker writes lines to the process's standard input: they
 * reach it although the worker has died meanwhile, which a message over Node's channel between processes does not.
 */

/** What the process needs to begin. */
export interface Opening {
  databaseUrl: string
  keys: readonly SecretsKey[]
  rules: AttemptRules
  version: string
  tracing: { endpoint: string | undefined }
  crashAt: CrashAt | undefined
}

export type ToLoneProcess = { kind: 'open'; opening: Opening } | { kind: 'make'; claim: Claim } | { kind: 'abort' }

/** `made` and `failed` answer one `make` each, in their order. */
export type FromLoneProcess =
  | { kind: 'made'; attempted: Attempted | null }
  | { kind: 'failed'; message: string }
  | { kind: 'gone'; webhookId: string }
  | { kind: 'error'; message: string }

export function toLine(message: ToLoneProcess): string {
  return `${serialize(message).toString('base64')}\n`
}

export function ofLine(line: string): ToLoneProcess {
  return deserialize(Buffer.from(line, 'base64'))
}
