import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/*
 * What tests started and did not end would keep whoever waits for their output waiting for ever. Every process of a run has a
 * mark in its environment, by which it is found also when its parent is dead; a PostgreSQL, which writes over its environment,
 * by the folder it works in, since all that tests make lies in one temporary folder of the run.
 */

const MARK = 'ARA_TEST_RUN'
const ENDS_WITHIN_MS = 10_000

export interface LeftRunning {
  pid: number
  command: string
}

let folder: string | undefined

/** Marks this process and all that it will start, and gives them a temporary folder of their own. */
export function markRun(): void {
  process.env[MARK] = randomUUID()
  folder = mkdtempSync(join(tmpdir(), 'ara-test-run-'))
  // A PostgreSQL of another user works in there.
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
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
  for (const { pid } of left) kill(pid)
  if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  return left
}

export function leftRunning(): LeftRunning[] {
  if (process.platform !== 'linux') return []
  const mark = `${MARK}=${process.env[MARK]}`
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => read(pid, 'environ').split('\0').includes(mark) || worksInFolder(pid))
    .map((pid) => ({ pid: Number(pid), command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
}

function worksInFolder(pid: string): boolean {
  if (!folder) return false
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder + sep)
  } catch {
    return false
  }
}

/** Empty for a process that is over, or another user's. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** The death of one may have ended another. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
