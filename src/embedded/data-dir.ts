import { chmod, mkdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { StartError } from '../start-error.ts'

const isRoot = () => process.getuid?.() === 0

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

/**
 * Makes the directory and its parents; as root one that the user PostgreSQL runs as can enter, whatever the umask.
 * @throws Error in one line when it cannot be made
 */
export async function ensureDirectory(directory: string): Promise<void> {
  const first = (await mkdir(directory, { recursive: true }).catch(refuse(directory))) ?? directory
  if (!isRoot()) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    await chmod(made, (await stat(made)).mode | 0o011)
  }
}

function refuse(directory: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const reason = error.code === 'EEXIST' || error.code === 'ENOTDIR' ? 'there is a file in its place' : error.code
    throw new StartError(`The data directory ${directory} cannot be made (${reason}); choose another with DATA_DIR`)
  }
}
