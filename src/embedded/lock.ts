import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { StartError } from '../start-error.ts'
import { ensureDirectory } from './data-dir.ts'
import { processIdentity } from './process-identity.ts'

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
    if (pid !== undefined) {
      const remedy = 'stop it, or set DATA_DIR to another directory'
      throw new StartError(`Another ara-events (pid ${pid}) is using ${directory}: ${remedy}`)
    }
    if (await replaced(path, found, mine)) break
  }
  return { release: () => release(path, mine) }
}

/** The process that has the data directory; undefined when nobody does. */
export async function lockHolder(directory: string): Promise<number | undefined> {
  return holder(await read(join(directory, 'lock')))
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
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new StartError(`The data directory cannot be written (${code}: ${path}); choose another with DATA_DIR`, error)
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
