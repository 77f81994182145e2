import { readFile } from 'node:fs/promises'

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

const read = (path: string) => readFile(path, 'utf8').catch(() => '')
