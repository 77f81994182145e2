import { type Program, startProgram } from '../../test/support/program.ts'

export interface ReceiverProcess {
  url: string
  count(): Promise<{ requests: number; connections: number; firstAt: number; lastAt: number }>
  reset(): Promise<void>
  stop(): Promise<void>
}

export async function startReceiverProcess(): Promise<ReceiverProcess> {
  const program: Program = startProgram(process.execPath, ['--import', 'tsx', 'bench/support/receiver.ts'])
  await program.waitFor(/^\d+\n/)
  const url = `http://127.0.0.1:${program.output().trim()}`
  return {
    url,
    count: async () => (await fetch(`${url}/count`)).json() as ReturnType<ReceiverProcess['count']>,
    reset: async () => void (await fetch(`${url}/reset`, { method: 'POST' })),
    stop: () => program.kill('SIGKILL'),
  }
}
