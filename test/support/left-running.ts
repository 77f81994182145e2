import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/*
 * What tests started and did not end would keep whoever waits for their output waiting for ever. Every process of a run has a
 * mark in its environment, by which it is found also when its parent is dead.
 */

const MARK = 'ARA_TEST_RUN'
const ENDS_WITHIN_MS = 10_000

export interface LeftRunning {
  pid: number
  command: string
}

/** Marks this process, and all that it will start. */
export function markRun(): void {
  process.env[MARK] = randomUUID()
}

/** The mark, for what is started with an environment of its own. */
export function runMark(): NodeJS.ProcessEnv {
  return { [MARK]: process.env[MARK] }
}

/** Ends by force what still runs some seconds after the tests. @returns what that was; where there is no /proc, nothing */
export async function endLeftRunning(): Promise<LeftRunning[]> {
  const deadline = Date.now() + ENDS_WITHIN_MS
  while (leftRunning().length > 0 && Date.now() < deadline) await sleep(250)
  const left = leftRunning()
  for (const { pid } of left) process.kill(pid, 'SIGKILL')
  return left
}

export function leftRunning(): LeftRunning[] {
  if (process.platform !== 'linux') return []
  const mark = `${MARK}=${process.env[MARK]}`
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => read(pid, 'environ').split('\0').includes(mark))
    .map((pid) => ({ pid: Number(pid), command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
}

/** Empty for a process that is over, or another user's. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
