import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runProgram } from '../../test/support/program.ts'
import { onPath } from '../../test/support/sample-runtimes.ts'
import { linesOf, type Wire } from './wire.ts'

/** Opens sockets and counts what they get, in a process of its own. */
export interface Client {
  /** What it is written in: the one in JavaScript is slower, and may be the limit. */
  kind: 'C' | 'JavaScript'
  speak(wire: Wire, ports: readonly number[], topics: number): void
  /** @param stalled so many of the sockets read nothing after they are open */
  open(sockets: number, stalled?: number): Promise<{ opened: number; ms: number }>
  run(rate: number, seconds: number): Promise<Run>
  close(): Promise<void>
  stop(): Promise<void>
}

export interface Run {
  /** Frames published. */
  sent: number
  /** Of the publisher's messages, answers that refused some. */
  errors: number
  /** The server ended the publisher's connection. */
  failed: boolean
  /** How many messages all sockets should have got, had none been held up. */
  expected: number
  received: number
  missing: number
  repeated: number
  p50Us: number
  p99Us: number
  maxUs: number
  /** Sockets that are still open. */
  open: number
  clientCpu: number
  seconds: number
  /** Seconds until the last frame was sent. */
  publishedIn: number
}

const SOURCE = 'bench/fanout-client'
const COMPILERS = ['cc', 'gcc', 'clang']

/** @param kind the one in C needs a compiler, and is taken where there is one */
export async function startClient(kind: Client['kind'] = 'C'): Promise<Client> {
  const compiler = kind === 'C' ? COMPILERS.find((name) => onPath(name) !== undefined) : undefined
  if (compiler === undefined) return drive(spawnScript(), 'JavaScript', async () => undefined)
  const directory = await mkdtemp(join(tmpdir(), 'ara-fanout-'))
  const program = join(directory, 'client')
  const files = (await readdir(SOURCE)).filter((name) => name.endsWith('.c')).map((name) => join(SOURCE, name))
  await runProgram(compiler, ['-O2', '-std=gnu11', '-pthread', ...files, '-o', program])
  const child = spawn(program, { stdio: 'pipe' })
  return drive(child, 'C', () => rm(directory, { recursive: true, force: true }))
}

function spawnScript(): ChildProcess {
  const args = ['--import', 'tsx', 'bench/fanout/slow-client.ts']
  return spawn(process.execPath, args, { stdio: 'pipe' })
}

function drive(child: ChildProcess, kind: Client['kind'], remove: () => Promise<void>): Client {
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout || !stderr) throw new Error('The client has no pipes')
  stderr.pipe(process.stderr, { end: false })
  const waiting: ((line: string) => void)[] = []
  createInterface(stdout).on('line', (line) => waiting.shift()?.(line))
  const gone = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`The client ended with ${code ?? signal}`)))
  })
  gone.catch(() => undefined)

  async function ask<Answer>(line: string): Promise<Answer> {
    const answer = new Promise<string>((resolve) => waiting.push(resolve))
    stdin?.write(`${line}\n`)
    return JSON.parse(await Promise.race([answer, gone]))
  }

  return {
    kind,
    speak: (wire, ports, topics) => void stdin.write(`${linesOf(wire, ports, topics).join('\n')}\n`),
    open: (sockets, stalled = 0) => ask(`open ${sockets} ${stalled}`),
    run: (rate, seconds) => ask(`run ${rate} ${seconds}`),
    close: () => ask('close'),
    async stop() {
      child.kill('SIGKILL')
      await gone.catch(() => undefined)
      await remove()
    },
  }
}
