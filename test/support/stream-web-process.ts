import { fork } from 'node:child_process'
import { once } from 'node:events'

export type WebCommand =
  | { does: 'publish'; symbol: string; count: number; perSecond: number; bytes: number }
  | { does: 'memory' }
  | { does: 'sockets' }
  | { does: 'counters' }

/** `stream-web.ts` in a process of its own. */
export interface WebProcess {
  port: number
  url: string
  pid: number
  publish(symbol: string, count: number, options?: { perSecond?: number; bytes?: number }): Promise<void>
  /** Bytes in use, outside of the JavaScript heap and in it. */
  memory(): Promise<number>
  sockets(): Promise<number>
  counters(): Promise<{ sockets: number; streams: number; errors: number }>
  stop(): Promise<void>
}

export async function startWebProcess(env: Record<string, string> = {}): Promise<WebProcess> {
  const execArgv = ['--expose-gc', '--import', 'tsx']
  const child = fork('test/support/stream-web.ts', { execArgv, env: { ...process.env, ...env }, silent: true })
  const printed: Buffer[] = []
  child.stdout?.on('data', (chunk) => printed.push(chunk))
  child.stderr?.on('data', (chunk) => printed.push(chunk))
  const waiting = new Map<number, (answer: unknown) => void>()
  const gone = once(child, 'exit')
  const [{ port }] = await Promise.race([
    once(child, 'message'),
    gone.then(() => Promise.reject(new Error(`The process ended before it listened:\n${Buffer.concat(printed)}`))),
  ])
  child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
    waiting.get(id)?.(answer)
    waiting.delete(id)
  })
  let asked = 0
  const ask = <Answer>(command: WebCommand) =>
    new Promise<Answer>((resolve) => {
      asked += 1
      waiting.set(asked, resolve as (answer: unknown) => void)
      child.send({ id: asked, ...command })
    })
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    publish: (symbol, count, { perSecond = 0, bytes = 10 } = {}) =>
      ask({ does: 'publish', symbol, count, perSecond, bytes }),
    memory: () => ask({ does: 'memory' }),
    sockets: () => ask({ does: 'sockets' }),
    counters: () => ask({ does: 'counters' }),
    async stop() {
      child.disconnect()
      await gone
    },
  }
}
