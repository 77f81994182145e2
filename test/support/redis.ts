import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { howToInstall, installInCi, onPath } from './sample-runtimes.ts'

/** A Redis that a test may wipe, kill and start again; it keeps nothing on disk unless it was asked to. */
export interface TestRedis {
  url: string
  port: number
  /** Of the process that runs now; another one after `restart()`. */
  readonly pid: number
  flushAll(): Promise<void>
  /** Bytes it may use, 0 for any number; over them it refuses what would need more. */
  limitMemory(bytes: number): Promise<void>
  usedMemory(): Promise<number>
  /** `CONFIG SET`. */
  configure(name: string, value: string): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** On the same port, empty or with what it kept on disk; resolves when it answers. */
  restart(): Promise<void>
  /** Loses what is on disk, for a restart that finds nothing. */
  eraseDisk(): Promise<void>
  /** SIGSTOP: connections stay, nothing answers. */
  hang(): void
  goOn(): void
  stop(): Promise<void>
}

const SERVERS = ['redis-server', 'valkey-server']
const ANSWERS_WITHIN_MS = 2_000
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** For tests that neither wipe nor kill it: the Redis of `REDIS_URL`, which others may use too, else a new one. */
export async function redisForTests(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env['REDIS_URL']
  return url ? { url, stop: async () => undefined } : startRedis()
}

/** A new one, whatever `REDIS_URL` says. */
export async function startRedis(options: { persistent?: boolean } = {}): Promise<TestRedis> {
  const command = await findRedisServer()
  const directory = await mkdtemp(join(tmpdir(), 'ara-test-redis-'))
  const port = await freePort()
  const start = () => launch(command, directory, port, options.persistent ?? false)
  let child = await start()
  const configure = async (name: string, value: string) => {
    const answer = await ask(port, `CONFIG SET ${name} ${value}`)
    if (answer !== '+OK') throw new Error(`CONFIG SET was answered with ${answer}`)
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0
    },
    async flushAll() {
      const answer = await ask(port, 'FLUSHALL')
      if (answer !== '+OK') throw new Error(`FLUSHALL was answered with ${answer}`)
    },
    limitMemory: (bytes) => configure('maxmemory', String(bytes)),
    configure,
    usedMemory: async () => Number((await ask(port, 'INFO memory', /used_memory:\d+/)).split(':')[1]),
    kill: () => end(child),
    async restart() {
      await end(child)
      child = await start()
    },
    async eraseDisk() {
      for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true })
    },
    hang: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
    async stop() {
      await end(child)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/**
 * The path of a Redis or Valkey server; CI installs one when there is none.
 * @throws Error with the command that installs it
 */
export async function findRedisServer(): Promise<string> {
  const find = () => SERVERS.map(onPath).find((path) => path !== undefined)
  const path = find() ?? (installInCi('redis-server') ? find() : undefined)
  if (path !== undefined) return path
  const how = howToInstall({
    apt: 'apt-get install -y redis-server',
    dnf: 'dnf install -y valkey',
    apk: 'apk add redis',
    macOS: 'brew install redis',
  })
  throw new Error(`No redis-server (or valkey-server) on the PATH. ${how}`)
}

async function launch(command: string, directory: string, port: number, persistent: boolean): Promise<ChildProcess> {
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory]
  const memory = ['--save', '', '--appendonly', persistent ? 'yes' : 'no', '--maxmemory-policy', 'noeviction']
  const child = spawn(command, [...address, ...memory], { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  child.stdout.on('data', (chunk) => printed.push(chunk))
  child.stderr.on('data', (chunk) => printed.push(chunk))
  child.on('error', (error) => printed.push(Buffer.from(error.message)))
  children.add(child)
  try {
    // The pid too: another server may have taken the port meanwhile, and would answer.
    await eventually(async () => (await ask(port, 'INFO server', /process_id:\d+\r/)) === `process_id:${child.pid}\r`)
  } catch {
    await end(child)
    throw new Error(`${command} did not start on port ${port}:\n${Buffer.concat(printed)}`)
  }
  return child
}

/** SIGKILL, because a test may have stopped it with SIGSTOP, and there is nothing to save. */
async function end(child: ChildProcess): Promise<void> {
  children.delete(child)
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** One inline command; the first match of its answer. */
async function ask(port: number, command: string, wanted = /^.*(?=\r\n)/): Promise<string> {
  const socket = connect(port, '127.0.0.1').setTimeout(ANSWERS_WITHIN_MS, () => {
    socket.destroy(new Error(`${command} was not answered`))
  })
  try {
    socket.write(`${command}\r\n`)
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
      const match = wanted.exec(answer)
      if (match) return match[0]
    }
    throw new Error(`${command} was answered with ${answer}`)
  } finally {
    socket.destroy()
  }
}
