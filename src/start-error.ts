import { messageOf, rootOf } from './message-of.ts'
import { complain } from './print.ts'

/** Why a process cannot start, for a reason outside the program: the message is all that its operator needs. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StartError'
  }
}

export function cannotReach(store: string, cause: unknown): StartError {
  return new StartError(`${store} ${whyAway(cause)}`, cause)
}

export function whyAway(cause: unknown): string {
  const root = rootOf(cause)
  const reason = root instanceof Error ? messageOf(root) : String(root)
  const refusal = root instanceof Error && 'code' in root ? refusalOf(String(root.code), reason) : null
  return refusal === null ? `cannot be reached: ${reason}` : `was reached, but ${refusal}`
}

/** What PostgreSQL answers, by SQLSTATE, when it is there and the address is wrong all the same. */
function refusalOf(code: string, reason: string): string | null {
  if (code === '3D000') {
    const name = /"([\w-]+)"/.exec(reason)?.[1] ?? ''
    return `${reason}: make it (createdb ${name}), or name another in DATABASE_URL`
  }
  if (code.startsWith('28')) return `refuses the login: ${reason}; check the user and the password of DATABASE_URL`
  return null
}

/** Says why the process ends, with the stack only where it tells of a bug. */
export function reportFailure(error: unknown): void {
  const isBug = error instanceof Error && !(error instanceof StartError)
  complain(`${isBug ? (error.stack ?? error.message) : error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
