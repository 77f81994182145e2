import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { usableBinaries } from '../../src/embedded/binaries.ts'
import { handOver, serverUser } from '../../src/embedded/server-user.ts'
import type { TestDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { runMark } from './left-running.ts'
import { freePort } from './ports.ts'
import { killTree, signalTree } from './process-tree.ts'

/** A PostgreSQL that a test may kill, stop and start again; it waits for the disk like one in production. */
export interface OwnPostgres {
  port: number
  /** A migrated database of its own. */
  createDatabase(): Promise<TestDatabase>
  /** One statement on a connection of its own. */
  run(statement: string, database?: string): Promise<void>
  /** SIGKILL for the server and all its processes. */
  kill(): Promise<void>
  /** On what it has; resolves when it answers. */
  start(): Promise<void>
  /** SIGSTOP for the server and all its processes. */
  hang(): void
  goOn(): void
  stop(): Promise<void>
}

const TEMPLATE = 'ara_faults_template'
const SETTINGS = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=150', 'fsync=on']
const OWNER = 'ara'

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'ara-faults-postgres-'))
  await chmod(directory, 0o755)
  const user = await serverUser()
  const binaries = await usableBinaries(directory, user)
  const data = join(directory, 'pg')
  await mkdir(data)
  await handOver(data, user)
  const port = await freePort()
  const url = (database: string) => `postgres://${OWNER}:${OWNER}@127.0.0.1:${port}/${database}`
  const printed: Buffer[] = []
  let server: ChildProcess | undefined
  let databases = 0

  async function launch(program: string, args: readonly string[]): Promise<ChildProcess> {
    const options = { ...user, cwd: directory, env: { ...runMark(), LC_ALL: 'C' }, detached: true }
    const child = spawn(join(binaries, program), args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => printed.push(chunk))
    child.stderr.on('data', (chunk) => printed.push(chunk))
    await once(child, 'spawn')
    return child
  }

  async function initialise(): Promise<void> {
    const password = join(directory, 'password')
    await writeFile(password, OWNER, { mode: 0o644 })
    const access = [`--username=${OWNER}`, '--auth=scram-sha-256', `--pwfile=${password}`]
    const initdb = await launch('initdb', [`--pgdata=${data}`, ...access, '--encoding=UTF8', '--locale=C', '--no-sync'])
    const [code] = await once(initdb, 'exit')
    if (code !== 0) throw new Error(`initdb ended with ${code}:\n${Buffer.concat(printed)}`)
  }

  async function run(statement: string, database = 'postgres'): Promise<void> {
    const client = new Client({ connectionString: url(database), connectionTimeoutMillis: 5_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query(statement)
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  async function start(): Promise<void> {
    server = await launch('postgres', ['-D', data, '-p', String(port), ...SETTINGS.flatMap((one) => ['-c', one])])
    try {
      await eventually(() => run('SELECT 1').then(() => true), { timeoutMs: 60_000, everyMs: 50 })
    } catch (cause) {
      throw new Error(`PostgreSQL did not start:\n${Buffer.concat(printed)}`, { cause })
    }
  }

  async function kill(): Promise<void> {
    const running = server
    server = undefined
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return
    const gone = once(running, 'exit')
    killTree(running.pid)
    await gone
  }

  function pid(): number {
    if (server?.pid === undefined) throw new Error('PostgreSQL does not run')
    return server.pid
  }

  // It is in a group of its own, so that Ctrl-C leaves it to this process.
  process.on('exit', () => server?.pid !== undefined && killTree(server.pid))
  await initialise()
  await start()
  await run(`CREATE DATABASE ${TEMPLATE}`)
  await migrate({ url: url(TEMPLATE), queueInPostgres: false, now: new Date() })
  return {
    port,
    run,
    kill,
    start,
    hang: () => signalTree(pid(), 'SIGSTOP'),
    goOn: () => signalTree(pid(), 'SIGCONT'),
    async createDatabase() {
      databases += 1
      const name = `fault_${databases}`
      await run(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`)
      const db = openDatabase({ url: url(name), pool: 5, name: 'test', onError: () => undefined })
      return {
        url: url(name),
        db,
        async drop() {
          await db.close()
          await run(`DROP DATABASE ${name} WITH (FORCE)`)
        },
      }
    },
    async stop() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
