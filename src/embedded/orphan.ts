import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { processIdentity } from './process-identity.ts'

const run = promisify(execFile)
const IMPOSSIBLE_PID = '2147483646'

/**
 * Stops the PostgreSQL that a killed owner left running on this data directory.
 * A pid that by now belongs to another process is replaced by one that cannot exist: PostgreSQL would refuse to start
 * because of the former, and without the file it would not look whether shared memory is still in use.
 * @returns the pid that was stopped
 */
export async function stopOrphan(pgdata: string): Promise<number | undefined> {
  const pidFile = join(pgdata, 'postmaster.pid')
  const text = await read(pidFile)
  const pid = Number(/^[1-9]\d*/.exec(text)?.[0] ?? 0)
  const identity = pid === 0 ? undefined : await processIdentity(pid)
  if (pid === 0) return undefined
  if (identity === undefined || !(await commandLine(pid)).includes(`-D ${pgdata} `)) {
    await writeFile(pidFile, text.replace(/^\d+/, IMPOSSIBLE_PID))
    return undefined
  }
  const gone = async () => (await processIdentity(pid)) !== identity
  if (await signalled(pid, 'SIGINT', gone)) return pid
  if (await signalled(pid, 'SIGQUIT', gone)) return pid
  throw new Error(`PostgreSQL (pid ${pid}) on ${pgdata} does not stop`)
}

async function signalled(pid: number, signal: 'SIGINT' | 'SIGQUIT', gone: () => Promise<boolean>): Promise<boolean> {
  try {
    process.kill(pid, signal)
  } catch {}
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    if (await gone()) return true
    await setTimeout(25)
  }
  return false
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return (await read(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ')
  return run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  )
}

const read = (path: string) => readFile(path, 'utf8').catch(() => '')
