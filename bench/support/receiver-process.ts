import { type Program, startProgram } from '../../test/support/program.ts'

export interface ReceiverProcess {
  url: string
  count(): Promise<{ requests: number; connections: number }>
  /** When the head of each event's request came, in milliseconds of `performance.timeOrigin`; with `ARRIVALS` set. */
  arrivals(): Promise<[eventId: string, at: number][]>
  reset(): Promise<void>
  stop(): Promise<void>
}

export async function startReceiverProcess(env: NodeJS.ProcessEnv = {}): Promise<ReceiverProcess> {
  const args = ['--import', 'tsx', 'bench/support/receiver.ts']
  const program: Program = startProgram(process.execPath, args, { env: { ...process.env, ...env } })
  await program.waitFor(/^\d+\n/)
  const url = `http://127.0.0.1:${program.output().trim()}`
  return {
    url,
    count: async () => (await fetch(`${url}/count`)).json() as ReturnType<ReceiverProcess['count']>,
    arrivals: async () => (await fetch(`${url}/arrivals`)).json() as ReturnType<ReceiverProcess['arrivals']>,
    reset: async () => void (await fetch(`${url}/reset`, { method: 'POST' })),
    stop: () => program.kill('SIGKILL'),
  }
}
