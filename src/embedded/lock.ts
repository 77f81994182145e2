import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ensureDirectory } from './data-dir.ts'

const run = promisify(execFile)
const IMPOSSIBLE_PID = '2147483646'

/**
 * Takes the data directory for this process. What a killed process left, or one whose pid was reused, does not block.
 * @throws Error that names the process which uses the directory
 */
export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  await ensureDirectory(directory)
  const path = join(directory, 'lock')
  const mine = `${process.pid} ${await processIdentity(process.pid)}\n`
  while (!(await create(path, mine))) {
    const found = await readWritten(path)
    if (found === undefined) continue
    const pid = await holder(found)
    if (pid !== undefined) throw new Error(`Another ara-events (pid ${pid}) is using ${directory}`)
    if (await replaced(path, found, mine)) break
  }
  return { release: () => release(path, mine) }
}

/**
 * Tells a process from a later one with the same pid; undefined when there is none. A zombie counts as none: it holds
 * nothing, and where pid 1 does not reap (many containers) it stays for ever.
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  if (process.platform !== 'linux') return 'alive'
  const stat = await read(`/proc/${pid}/stat`)
  // The command's name, in parentheses, may itself hold spaces and parentheses.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === '' || state === 'Z' || state === 'X') return undefined
  return `${(await read('/proc/sys/kernel/random/boot_id')).trim()}/${fields[18]}`
}

async function holder(text: string): Promise<number | undefined> {
  const [, pid = '', identity] = /^([1-9]\d*) (\S+)\n$/.exec(text) ?? []
  if (pid === '' || (await processIdentity(Number(pid))) !== identity) return undefined
  return Number(pid)
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 })
    return (await read(path)) === text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** A lock that was created a moment ago may not have its line yet; undefined when it was released meanwhile. */
async function readWritten(path: string): Promise<string | undefined> {
  for (let tries = 0; existsSync(path); tries += 1) {
    const text = await read(path)
    if (text.endsWith('\n') || tries === 20) return text
    await setTimeout(25)
  }
  return undefined
}

/** The last of several that replace a stale lock at once has it, so each looks again once all must have written. */
async function replaced(path: string, judged: string, mine: string): Promise<boolean> {
  const partial = `${path}.${process.pid}`
  await writeFile(partial, mine, { mode: 0o600 })
  if (existsSync(path) && (await read(path)) === judged) {
    await rename(partial, path)
    await setTimeout(250)
    return (await read(path)) === mine
  }
  await rm(partial, { force: true })
  return false
}

async function release(path: string, mine: string): Promise<void> {
  if ((await read(path)) === mine) await rm(path, { force: true })
}

const read = (path: string) => readFile(path, 'utf8').catch(() => '')

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
