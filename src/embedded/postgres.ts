import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { StartError } from '../start-error.ts'
import type { Logger } from '../telemetry/log.ts'
import { usableBinaries } from './binaries.ts'
import { ensureDirectory } from './data-dir.ts'
import { stopOrphan } from './orphan.ts'
import { checkEntrance, handOver, type ServerUser, serverUser } from './server-user.ts'

const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=100',
  'shared_buffers=128MB',
  'fsync=on',
].flatMap((setting) => ['-c', setting])

interface Options {
  directory: string
  password: string
  log: Logger
  /** PostgreSQL ended without being asked; the code is null when a signal ended it. */
  onExit(code: number | null): void
}

/**
 * Starts PostgreSQL with a database `ara` on `<directory>/pg`, on a free port of 127.0.0.1. The caller holds the lock.
 * @throws Error with the end of `<directory>/postgres.log` when it does not accept connections within 30 s
 */
export async function startEmbeddedPostgres(options: Options): Promise<{ url: string; stop(): Promise<void> }> {
  await ensureDirectory(options.directory)
  const directory = await realpath(options.directory)
  const user = await serverUser()
  await checkEntrance(directory, user)
  const binaries = await usableBinaries(directory, user)
  const orphan = await stopOrphan(join(directory, 'pg'))
  if (orphan !== undefined) options.log.warn({ orphan_pid: orphan }, 'postgres.orphan_stopped')
  const logPath = join(directory, 'postgres.log')
  const logFile = openSync(logPath, 'w', 0o600)
  const launch: Launch = (program, args) =>
    spawn(join(binaries, program), args, {
      ...user,
      cwd: directory,
      env: { LC_ALL: 'C' },
      // Its own process group: Ctrl-C in a terminal must not end it before our connections are closed.
      detached: true,
      windowsHide: true,
      stdio: ['ignore', logFile, logFile],
    })
  try {
    await ensureCluster(directory, user, options.password, launch)
    const port = await freePort()
    const server = launch('postgres', ['-D', join(directory, 'pg'), '-p', String(port), ...SETTINGS])
    return await supervise(server, `postgres://ara:${options.password}@127.0.0.1:${port}`, options)
  } catch (cause) {
    const tail = (await readFile(logPath, 'utf8')).trimEnd().split('\n').slice(-20).join('\n')
    throw new StartError(`The embedded PostgreSQL did not start: ${(cause as Error).message}\n${tail}`, cause)
  } finally {
    closeSync(logFile)
  }
}

/**
 * A `pg` that is there is whole: initdb fills a directory of its own, which is renamed when it is done. What a killed start
 * left beside it goes; an initdb whose owner was killed goes on, and empties its own directory if it fails.
 */
async function ensureCluster(directory: string, user: ServerUser, password: string, launch: Launch): Promise<void> {
  const pgdata = join(directory, 'pg')
  for (const name of (await readdir(directory)).filter((entry) => entry.startsWith('initdb-'))) {
    await rm(join(directory, name), { recursive: true, force: true, maxRetries: 5 })
  }
  if (existsSync(pgdata)) return handOver(pgdata, user)
  const place = await mkdtemp(join(directory, 'initdb-'))
  await writeFile(join(place, 'password'), password, { mode: 0o600 })
  await handOver(place, user)
  await initialise(join(place, 'pg'), join(place, 'password'), launch)
  await rename(join(place, 'pg'), pgdata)
  await rm(place, { recursive: true })
}

async function initialise(pgdata: string, passwordFile: string, launch: Launch): Promise<void> {
  const access = ['--username=ara', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  const initdb = launch('initdb', [`--pgdata=${pgdata}`, ...access, '--encoding=UTF8', '--locale=C'])
  try {
    const [code, signal] = await once(initdb, 'exit')
    if (code !== 0) throw new Error(`initdb ended with ${code ?? signal}`)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function supervise(server: ChildProcess, address: string, { onExit }: Options) {
  let watched = false
  const ended = new Promise((resolve) => server.once('exit', () => resolve(true)).once('error', resolve))
  server.once('exit', (code) => watched && onExit(code))
  // A process that exits without stop() does not leave it behind.
  const stopWithProcess = () => void server.kill('SIGINT')
  process.once('exit', stopWithProcess)
  ended.finally(() => process.off('exit', stopWithProcess))
  const stop = async () => {
    watched = false
    server.kill('SIGINT')
    if (!(await Promise.race([ended, setTimeout(10_000, false, { ref: false })]))) server.kill('SIGQUIT')
    await ended
  }
  await untilReady(server, address).catch(async (error) => {
    await stop()
    throw error
  })
  watched = true
  return { url: `${address}/ara`, stop }
}

async function untilReady(server: ChildProcess, address: string): Promise<void> {
  const deadline = performance.now() + 30_000
  while (server.exitCode === null && server.signalCode === null) {
    try {
      return await ensureDatabase(address)
    } catch (error) {
      const refused = String((error as { code?: unknown }).code).startsWith('28')
      if (refused || performance.now() > deadline) throw error
    }
    await setTimeout(50)
  }
  throw new Error(`it ended with ${server.exitCode ?? server.signalCode}`)
}

async function ensureDatabase(address: string): Promise<void> {
  const client = new Client({ connectionString: `${address}/postgres`, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const found = await client.query(`SELECT FROM pg_database WHERE datname = 'ara'`)
    if (found.rowCount === 0) await client.query('CREATE DATABASE ara')
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

type Launch = (program: string, args: string[]) => ChildProcess
