import { loadEnvFile } from '../config.ts'
import { StartError } from '../start-error.ts'
import { type Command, parseCall } from './command.ts'
import { CommandFailed, UsageError } from './failures.ts'
import { commandHelp } from './help.ts'
import { Terminal } from './terminal.ts'

const FAILED = 1
const MISUSED = 2
/** As shells tell that a signal ended a program. */
const BY_SIGNAL: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** Runs one command with the words after its name, to its exit code. */
export async function runCommand(command: Command, words: readonly string[]): Promise<void> {
  if (!command.outlivesReader) endQuietlyWhenNobodyReads()
  const out = new Terminal({ json: words.includes('--json') })
  const stop = new AbortController()
  try {
    const { args, options } = parseCall(command, words)
    if (options.flag('help')) {
      process.stdout.write(commandHelp(command))
      return
    }
    loadEnvFile()
    if (!command.handlesSignals) abortOnSignals(stop)
    await command.run({ args, options, out, signal: stop.signal })
  } catch (error) {
    process.exitCode = stop.signal.aborted ? stop.signal.reason.exitCode : tell(out, command, error)
  }
}

/** @returns the exit code */
function tell(out: Terminal, command: Command, error: unknown): number {
  if (!(error instanceof Error)) throw error
  out.failure(error)
  if (error instanceof UsageError) {
    if (!out.json) out.note(`Try ara-events ${command.name} --help.`)
    return MISUSED
  }
  const isExpected = error instanceof CommandFailed || error instanceof StartError
  if (!isExpected) out.note(error.stack ?? '')
  return FAILED
}

/** The first asks the command to end; a second one ends it as it is. */
function abortOnSignals(stop: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort(new Interrupted(signal)))
  }
}

class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`${signal} came`)
    this.name = 'AbortError'
    this.exitCode = BY_SIGNAL[signal] ?? FAILED
  }
}

/** As with `ara-events … | head`. */
function endQuietlyWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
