import type { Injected } from '../support/ledgers.ts'

/** The ledger of what was done to the system, and of what it did that nobody asked for. */
export interface FaultLog {
  /** @returns when that was, in Unix milliseconds */
  note(what: string, more?: { kills?: number; pid?: number }): number
  entries(): readonly Injected[]
  /** What happened that must not. */
  complain(line: string): void
  /** Those since the last time it was asked. */
  takeComplaints(): string[]
}

export function createFaultLog(say: (line: string) => unknown): FaultLog {
  const entries: Injected[] = []
  const complaints: string[] = []
  return {
    note(what, { kills = 0, pid } = {}) {
      const at = Date.now()
      entries.push({ at, what, kills, ...(pid === undefined ? {} : { pid }) })
      say(`${new Date(at).toISOString().slice(11, 23)} ${what}`)
      return at
    },
    entries: () => entries,
    complain: (line) => void complaints.push(line),
    takeComplaints: () => complaints.splice(0),
  }
}
