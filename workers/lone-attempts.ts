import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { SecretsKey } from '../src/config.ts'
import type { CrashAt } from '../src/crash-points.ts'
import type { Claim } from '../src/deliveries/claim.ts'
import type { Attempted } from '../src/deliveries/make-attempt.ts'
import type { AttemptRules } from './attempting.ts'

/**
 * Attempts of deliveries that have cut two attempts in a row: they may be what ends its process each time. Each is made in a
 * process that makes no other meanwhile, so that whoever is guilty takes nothing else down, and whoever was only near it proves
 * innocent. A process is started when there is something to do and ends when it is not needed for a while. There are a few of
 * them: where workers are killed again and again, hundreds of deliveries are under suspicion.
 */
export interface LoneAttempts {
  /** @throws Error when the process ended before it had recorded what came of it */
  make(claim: Claim, signal: AbortSignal): Promise<Attempted | null>
  close(): Promise<void>
}

export interface LoneAttemptsDeps {
  opening: Opening
  onGone: (webhookId: string) => Promise<void>
  onAttempt: (attempted: Attempted) => void
  onError: (error: unknown) => void
}

/** What the process needs to begin. */
export interface Opening {
  databaseUrl: string
  keys: readonly SecretsKey[]
  rules: AttemptRules
  version: string
  tracing: { endpoint: string | undefined }
  crashAt: CrashAt | undefined
}

export type ToLoneProcess = { kind: 'open'; opening: Opening } | { kind: 'make'; claim: Claim } | { kind: 'abort' }

export type FromLoneProcess =
  | { kind: 'made'; attempted: Attempted | null }
  | { kind: 'failed'; message: string }
  | { kind: 'gone'; webhookId: string }
  | { kind: 'error'; message: string }

const PROGRAM = new URL(`./lone-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
/** So many attempts are made at once, each alone in its process. */
export const LONE_PROCESSES = 4
const IDLE_MS = 60_000
const CLOSE_MS = 3_000

export function createLoneAttempts(deps: LoneAttemptsDeps): LoneAttempts {
  const idle = new Map<ChildProcess, NodeJS.Timeout>()
  const running = new Set<ChildProcess>()

  function start(): ChildProcess {
    const child = fork(PROGRAM, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    running.add(child)
    child.on('error', (error) => {
      if (neverRan(child)) running.delete(child)
      deps.onError(error)
    })
    child.on('message', (message: FromLoneProcess) => {
      if (message.kind === 'gone') deps.onGone(message.webhookId).catch(deps.onError)
      if (message.kind === 'error') deps.onError(new Error(message.message))
    })
    child.once('exit', () => {
      running.delete(child)
      forget(child)
    })
    tell(child, { kind: 'open', opening: deps.opening })
    return child
  }

  function tell(to: ChildProcess, message: ToLoneProcess): void {
    if (to.connected) to.send(message, (error) => error && deps.onError(error))
  }

  function take(): ChildProcess {
    const [child] = idle.keys()
    if (child) forget(child)
    return child ?? start()
  }

  function giveBack(child: ChildProcess): void {
    if (child.connected && !neverRan(child)) idle.set(child, setTimeout(() => end(child), IDLE_MS).unref())
  }

  function forget(child: ChildProcess): void {
    clearTimeout(idle.get(child))
    idle.delete(child)
  }

  function end(child: ChildProcess): void {
    forget(child)
    if (child.connected) child.disconnect()
  }

  return {
    async make(claim, signal) {
      const child = take()
      const abort = () => tell(child, { kind: 'abort' })
      signal.addEventListener('abort', abort, { once: true })
      try {
        tell(child, { kind: 'make', claim })
        if (signal.aborted) abort()
        const attempted = await answerOf(child)
        if (attempted) deps.onAttempt(attempted)
        return attempted
      } finally {
        signal.removeEventListener('abort', abort)
        giveBack(child)
      }
    },
    async close() {
      await Promise.all([...running].map(closeChild))
    },
  }

  async function closeChild(child: ChildProcess): Promise<void> {
    end(child)
    const impatient = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS)
    await once(child, 'exit')
    clearTimeout(impatient)
  }
}

function neverRan(child: ChildProcess): boolean {
  return child.pid === undefined
}

function answerOf(process: ChildProcess): Promise<Attempted | null> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromLoneProcess) => {
      if (message.kind === 'made') settle(() => resolve(message.attempted))
      if (message.kind === 'failed') settle(() => reject(new Error(message.message)))
    }
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
      settle(() => reject(new Error(`The process of a lone attempt ended with ${code ?? signal}`)))
    }
    const onError = (error: Error) => settle(() => reject(error))
    function settle(how: () => void): void {
      process.off('message', onMessage)
      process.off('exit', onExit)
      process.off('error', onError)
      how()
    }
    process.on('message', onMessage)
    process.on('exit', onExit)
    process.on('error', onError)
  })
}
