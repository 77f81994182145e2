import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Sends a signal to a process and all that came from it, the parent first: stopped, it can replace none of them. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  send(pid, signal)
  for (const child of childrenOf(pid)) signalTree(child, signal)
}

/** SIGKILL for a process and all that came from it; what is left behind by the death of the parent too. */
export function killTree(pid: number): void {
  // Whose parent has died cannot be found any more, so nobody dies before all are found.
  send(pid, 'SIGSTOP')
  for (const child of childrenOf(pid)) killTree(child)
  send(pid, 'SIGKILL')
}

/** For what was started as a group of its own (`detached`), whoever of it is left. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  send(-leader, signal)
}

function childrenOf(pid: number): number[] {
  return (fromProc(pid) ?? spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' }).stdout)
    .split(/\s+/)
    .filter((text) => text !== '')
    .map(Number)
}

function fromProc(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  } catch {
    return process.platform === 'linux' ? '' : undefined
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
