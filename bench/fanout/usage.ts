import { readFile } from 'node:fs/promises'

/** Ticks of Linux's clock that `/proc` counts in. */
const TICKS_PER_SECOND = 100

/** CPU seconds of processes so far, those of the kernel on their behalf too. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(cpuOf))
  return each.reduce((sum, seconds) => sum + seconds, 0)
}

/** Bytes of memory that processes hold. */
export async function memoryOf(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(
    pids.map(async (pid) => /VmRSS:\s+(\d+) kB/.exec(await read(pid, 'status'))?.[1] ?? '0'),
  )
  return each.reduce((sum, kib) => sum + Number(kib) * 1024, 0)
}

async function cpuOf(pid: number): Promise<number> {
  const stat = await read(pid, 'stat')
  // The name may hold spaces; after it the state is the third field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function read(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8')
}
