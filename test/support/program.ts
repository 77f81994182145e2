import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

/** A command under test: what it printed so far, and the way to end it. */
export interface Program {
  readonly pid: number
  output(): string
  running(): boolean
  /** Resolves once the output matches; rejects when the program ends first or the time is over, and shows the output. */
  waitFor(pattern: RegExp, withinMs?: number): Promise<void>
  /** Sends a signal; after SIGKILL resolves when it is gone, after any other at once. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Resolves with the exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>
  /** Closes the pipes that it prints to. */
  stopReading(): void
  /** SIGTERM, and SIGKILL when that was not enough; resolves when it is gone. */
  stop(): Promise<void>
}

const STOPS_WITHIN_MS = 30_000
/** Nothing outlives the tests that started it. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function startProgram(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; detached?: boolean } = {},
): Program {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const failures: string[] = []
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk) => chunks.push(chunk))
  child.stderr.on('data', (chunk) => chunks.push(chunk))
  child.on('error', (error) => failures.push(error.message))
  const output = () => Buffer.concat(chunks).toString() + failures.join('\n')
  const runs = () => failures.length === 0 && child.exitCode === null && child.signalCode === null
  const name = [command, ...args].join(' ')
  const gone = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 0))
    child.once('error', () => resolve(-1))
    child.once('exit', () => running.delete(child))
  })
  return {
    pid: child.pid ?? 0,
    output,
    running: runs,
    ended: () => gone,
    async kill(signal) {
      child.kill(signal)
      if (signal === 'SIGKILL') await gone
    },
    async waitFor(pattern, withinMs = 30_000) {
      const deadline = Date.now() + withinMs
      while (!pattern.test(output())) {
        if (!runs()) throw new Error(`${name} ended before it printed ${pattern}:\n${output()}`)
        if (Date.now() > deadline) throw new Error(`${name} did not print ${pattern} in ${withinMs} ms:\n${output()}`)
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    },
    stopReading() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
    stop: () => (runs() ? end(child) : Promise.resolve()),
  }
}

/** Runs a command to its end and returns what it printed. */
export async function runProgram(...start: Parameters<typeof startProgram>): Promise<string> {
  const [command, args, options = {}] = start
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  const complained: Buffer[] = []
  child.stdout.on('data', (chunk) => printed.push(chunk))
  child.stderr.on('data', (chunk) => complained.push(chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${Buffer.concat(complained)}`)
  return Buffer.concat(printed).toString()
}

/** Resolves once the program accepts connections on the port of loopback. */
export async function untilListening(port: number, program: Program): Promise<void> {
  for (let tries = 0; tries < 300 && program.running(); tries += 1) {
    if (await accepts(port)) return
    await new Promise((next) => setTimeout(next, 100))
  }
  throw new Error(`Nothing listens on port ${port}:\n${program.output()}`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const impatient = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
  await gone
  clearTimeout(impatient)
}
