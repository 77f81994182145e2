import { messageOf } from '../../message-of.ts'

/** What one look found. */
export interface Finding {
  /** What was looked at: `PostgreSQL`, `Node.js`. */
  about: string
  verdict: 'ok' | 'warn' | 'fail'
  says: string
  /** What to do about it. */
  remedy?: string
}

export function ok(about: string, says: string): Finding {
  return { about, verdict: 'ok', says }
}

/** It runs, but not as well or as safely as it should. */
export function warn(about: string, says: string, remedy: string): Finding {
  return { about, verdict: 'warn', says, remedy }
}

/** It will not start, or will lose what it promises to keep. */
export function fail(about: string, says: string, remedy: string): Finding {
  return { about, verdict: 'fail', says, remedy }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? messageOf(error) : String(error)
}
