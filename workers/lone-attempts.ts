import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { SecretsKey } from '../src/config.ts'
import type { CrashAt } from '../src/crash-points.ts'
import type { Claim } from '../src/deliveries/claim.ts'
import type { Attempted } from '../src/deliveries/make-attempt.ts'
import type { AttemptRules } from './attempting.ts'

/**
 * Attempts of deliveries that have cut two attempts in a row: they may be what ends its process each time. They are made in a
 * process of their own, one at a time, so that whoever is guilty takes nothing else down, and whoever was only near it proves
 * innocent. The process is started when there is something to do and ends when it is not needed for a while.
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
const IDLE_MS = 60_000
const CLOSE_MS = 3_000

export function createLoneAttempts(deps: LoneAttemptsDeps): LoneAttempts {
  let child: ChildProcess | undefined
  let idle: NodeJS.Timeout | undefined

  function start(): ChildProcess {
    const started = fork(PROGRAM, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child = started
    started.on('error', deps.onError)
    started.on('message', (message: FromLoneProcess) => {
      if (message.kind === 'gone') deps.onGone(message.webhookId).catch(deps.onError)
      if (message.kind === 'error') deps.onError(new Error(message.message))
    })
    started.once('exit', () => {
      if (child === started) child = undefined
    })
    tell(started, { kind: 'open', opening: deps.opening })
    return started
  }

  function tell(to: ChildProcess, message: ToLoneProcess): void {
    if (to.connected) to.send(message, (error) => error && deps.onError(error))
  }

  function end(): void {
    clearTimeout(idle)
    if (child?.connected) child.disconnect()
    child = undefined
  }

  return {
    async make(claim, signal) {
      clearTimeout(idle)
      const process = child ?? start()
      const abort = () => tell(process, { kind: 'abort' })
      signal.addEventListener('abort', abort, { once: true })
      try {
        tell(process, { kind: 'make', claim })
        if (signal.aborted) abort()
        const attempted = await answerOf(process)
        if (attempted) deps.onAttempt(attempted)
        return attempted
      } finally {
        signal.removeEventListener('abort', abort)
        idle = setTimeout(end, IDLE_MS).unref()
      }
    },
    async close() {
      const ending = child
      end()
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
      const impatient = setTimeout(() => ending.kill('SIGKILL'), CLOSE_MS)
      await once(ending, 'exit')
      clearTimeout(impatient)
    },
  }
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
    function settle(how: () => void): void {
      process.off('message', onMessage)
      process.off('exit', onExit)
      how()
    }
    process.on('message', onMessage)
    process.on('exit', onExit)
  })
}
