import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { StartError } from '../start-error.ts'

const run = promisify(execFile)

/** Whom PostgreSQL runs as; empty when that is whoever runs this process. */
export type ServerUser = { uid: number; gid: number } | Record<string, never>

/** PostgreSQL refuses to run as root: then it is the user `postgres`, which is created where there is none. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {}
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
    throw new StartError(`PostgreSQL does not run as root: ${hint}`, cause)
  }
}

/** @throws Error when the user PostgreSQL runs as cannot come to the directory */
export async function checkEntrance(directory: string, user: ServerUser): Promise<void> {
  if (!('uid' in user)) return
  await run('test', ['-x', directory], user).catch(() => {
    const remedy = 'make its parent directories traversable (chmod o+x) or choose another with DATA_DIR'
    throw new StartError(`PostgreSQL, which does not run as root, cannot enter ${directory}: ${remedy}`)
  })
}

/** Gives a whole tree to the user PostgreSQL runs as. */
export async function handOver(path: string, user: ServerUser): Promise<void> {
  if (!('uid' in user) || (await stat(path)).uid === user.uid) return
  await run('chown', ['-R', `${user.uid}:${user.gid}`, path])
}
