import { eventually } from '../support/eventually.ts'
import type { Promised } from '../support/ledgers.ts'
import { startProgram } from '../support/program.ts'
import type { ProducerLine, ProducerOrder } from './producer.ts'

/** One producer at work, in a process of its own. */
export interface Production {
  /** Resolves when all it has to send was answered, or will not be any more. */
  finished(): Promise<Told>
  /** It sends nothing new, and then finishes. */
  stop(): Promise<Told>
  /** At once, for a run that is given up. */
  abandon(): Promise<void>
}

/** What a producer was told. */
export interface Told {
  promised: Promised[]
  /** Answers that no producer should ever get. */
  refused: string[]
  requests: number
  /** How often it was told to come again. */
  unavailable: number
  /** How often there was no answer. */
  broken: number
  /** Requests whose outcome it never learned. */
  unknown: number
}

/** Resolves once it sends. */
export async function startProducer(order: ProducerOrder): Promise<Production> {
  const args = ['--import', 'tsx', 'test/faults/producer.ts', JSON.stringify(order)]
  const program = startProgram(process.execPath, args)
  await program.waitFor(/"started"/, 60_000)

  async function finished(): Promise<Told> {
    const code = await program.ended()
    if (code !== 0) throw new Error(`The producer ended with ${code}:\n${program.output().slice(-2_000)}`)
    // The last of its output may come after its end.
    await eventually(() => program.output().includes('"summary"'))
    return read(program.output())
  }

  return {
    finished,
    async stop() {
      await program.kill('SIGTERM')
      return finished()
    },
    abandon: () => program.kill('SIGKILL'),
  }
}

function read(output: string): Told {
  const told: Told = { promised: [], refused: [], requests: 0, unavailable: 0, broken: 0, unknown: 0 }
  for (const text of output.split('\n').filter((one) => one !== '')) {
    const line = JSON.parse(text) as ProducerLine
    if (line.kind === 'acknowledged') told.promised.push({ submission: line.submission, event: line.event })
    else if (line.kind === 'refused') told.refused.push(`${line.submission}: ${line.status} ${line.body}`)
    else if (line.kind === 'summary') Object.assign(told, line)
  }
  return told
}
