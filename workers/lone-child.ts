import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Claim } from '../src/deliveries/claim.ts'
import type { Attempted } from '../src/deliveries/make-attempt.ts'
import { type FromLoneProcess, type Opening, type ToLoneProcess, toLine } from './lone-messages.ts'

/** A process that makes attempts one after another. */
export interface LoneChild {
  /**
   * @throws NotBegun when the process ended before it came to this one
   * @throws Error when it ended while it was at it, or could not make it
   */
  make(claim: Claim): Promise<Attempted | null>
  /** How many it was told and has not answered. */
  told(): number
  /** Cuts off what it is making, and all that it is told from now on. */
  abort(): void
  /** Tells it to end when it has made what it was told. */
  end(): void
  /** Resolves when it has ended, after `ms` by force. */
  close(ms: number): Promise<void>
}

export interface LoneChildDeps {
  opening: Opening
  onGone: (webhookId: string) => Promise<void>
  onError: (error: unknown) => void
  onEnd: () => void
}

export class NotBegun extends Error {}

interface Asked {
  resolve: (attempted: Attempted | null) => void
  reject: (error: Error) => void
}

const PROGRAM = new URL(`./lone-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

export function startLoneChild(deps: LoneChildDeps): LoneChild {
  const child = fork(PROGRAM, { serialization: 'advanced', stdio: ['pipe', 'inherit', 'inherit', 'ipc'] })
  const asked: Asked[] = []
  let hasEnded = false

  child.on('message', (message: FromLoneProcess) => {
    if (message.kind === 'gone') deps.onGone(message.webhookId).catch(deps.onError)
    if (message.kind === 'error') deps.onError(new Error(message.message))
    if (message.kind === 'made') asked.shift()?.resolve(message.attempted)
    if (message.kind === 'failed') asked.shift()?.reject(new Error(message.message))
  })
  child.on('error', (error) => {
    deps.onError(error)
    if (neverRan(child)) ended('could not be started')
  })
  child.once('exit', (code, signal) => ended(`ended with ${code ?? signal}`))
  // Whoever writes to a process that has ended is told by its exit.
  child.stdin?.on('error', () => undefined)
  tell({ kind: 'open', opening: deps.opening })

  function tell(message: ToLoneProcess): void {
    if (child.stdin?.writable) child.stdin.write(toLine(message))
  }

  function ended(how: string): void {
    hasEnded = true
    deps.onEnd()
    asked.shift()?.reject(new Error(`The process of a lone attempt ${how}`))
    for (const { reject } of asked.splice(0)) reject(new NotBegun())
  }

  return {
    make(claim) {
      if (hasEnded) return Promise.reject(new NotBegun())
      tell({ kind: 'make', claim })
      return new Promise((resolve, reject) => void asked.push({ resolve, reject }))
    },
    told: () => asked.length,
    abort: () => tell({ kind: 'abort' }),
    end: () => void child.stdin?.end(),
    async close(ms) {
      child.stdin?.end()
      if (hasEnded) return
      const impatient = setTimeout(() => child.kill('SIGKILL'), ms)
      await once(child, 'exit')
      clearTimeout(impatient)
    },
  }
}

function neverRan(child: ChildProcess): boolean {
  return child.pid === undefined
}
