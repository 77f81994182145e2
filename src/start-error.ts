import { complain } from './print.ts'

/** Why a process cannot start, for a reason outside the program: the message is all that its operator needs. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StartError'
  }
}

/** Of a host with several addresses the driver's error has a code and no message. */
export function cannotReach(store: string, cause: unknown): StartError {
  const reason = cause instanceof Error ? cause.message || String('code' in cause ? cause.code : cause.name) : cause
  return new StartError(`${store} cannot be reached: ${String(reason)}`, cause)
}

/** Says why the process ends, with the stack only where it tells of a bug. */
export function reportFailure(error: unknown): void {
  const isBug = error instanceof Error && !(error instanceof StartError)
  complain(`${isBug ? (error.stack ?? error.message) : error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
