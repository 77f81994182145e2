import type { Arrival } from '../support/ledgers.ts'
import { startProgram } from '../support/program.ts'
import type { Behaviour, ReceiverState } from './receivers.ts'

/** The receivers, in a process of their own. */
export interface Receivers {
  ports: number[]
  behave(behaviour: Behaviour): Promise<void>
  /** All of them refuse connections, and those that are open end. */
  down(): Promise<void>
  up(): Promise<void>
  state(): Promise<ReceiverState>
  lines(): Promise<Arrival[]>
  stop(): Promise<void>
}

export async function startReceivers(secret: string, webhooks: number): Promise<Receivers> {
  const args = ['--import', 'tsx', 'test/faults/receivers.ts', secret, String(webhooks)]
  const program = startProgram(process.execPath, args)
  await program.waitFor(/^\[[\d,]+\]\n/, 60_000)
  const [control, ...ports] = JSON.parse(program.output()) as number[]

  async function call<Answer>(path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${control}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return response.json() as Promise<Answer>
  }

  return {
    ports,
    behave: (behaviour) => call('/behave', behaviour),
    down: () => call('/down'),
    up: () => call('/up'),
    state: () => call('/state'),
    lines: () => call('/lines'),
    stop: () => program.kill('SIGKILL'),
  }
}
