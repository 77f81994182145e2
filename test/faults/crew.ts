import { setTimeout } from 'node:timers/promises'
import type { ProcfileSystem } from '../support/procfile-system.ts'
import type { Program } from '../support/program.ts'
import type { FaultLog } from './fault-log.ts'

export type Role = 'web' | 'worker'

/** The processes of the system under a supervisor, as a platform has one: what ends is started again. */
export interface Crew {
  /** Those that run now. */
  running(role: Role): Program[]
  /** Ends one by SIGKILL; another takes its place a little later. */
  kill(role: Role, which?: number): Promise<Program>
  /** One more, with settings of its own, which its successors have only when asked. */
  add(role: Role, settings?: NodeJS.ProcessEnv, successors?: NodeJS.ProcessEnv): Promise<Program>
  /** SIGTERM, and no successor. Resolves with its exit and the seconds it took. */
  retire(program: Program): Promise<{ exit: number | NodeJS.Signals; seconds: number }>
  /** Such ends (`worker SIGKILL`) are part of the fault and no complaint. */
  expectEnds(pattern: RegExp): void
  /** Resolves when as many run as were started with, and all of them are ready. */
  complete(): Promise<void>
  /** Starts nobody any more. */
  dismiss(): Promise<void>
}

const AGAIN_MS = 500

export function createCrew(system: ProcfileSystem, log: FaultLog): Crew {
  const retired = new Set<Program>()
  const killed = new Set<Program>()
  const starting = new Set<Promise<unknown>>()
  let expected: RegExp | undefined
  let dismissed = false

  function watch(role: Role, program: Program, successor: NodeJS.ProcessEnv): void {
    program.ended().then((exit) => {
      if (dismissed || retired.has(program)) return
      if (!killed.has(program)) ended(role, program, exit)
      replace(role, successor)
    })
  }

  function ended(role: Role, program: Program, exit: number | NodeJS.Signals): void {
    const wanted = expected?.test(`${role} ${exit}`) ?? false
    if (wanted) log.note(`${role} ended with ${exit}`, { kills: role === 'worker' ? 1 : 0, pid: program.pid })
    else log.complain(`A ${role} ended by itself with ${exit}: ${program.output().slice(-1_500)}`)
  }

  function replace(role: Role, settings: NodeJS.ProcessEnv): void {
    track(setTimeout(AGAIN_MS).then(() => (dismissed ? undefined : start(role, settings))))
  }

  function track(work: Promise<unknown>): void {
    const tracked = work
      // Who has ended before it ran was seen to end, too.
      .catch(() => undefined)
      .finally(() => starting.delete(tracked))
    starting.add(tracked)
  }

  async function start(role: Role, settings: NodeJS.ProcessEnv, successor = settings): Promise<Program> {
    const starting = role === 'web' ? system.startWeb(settings) : system.startWorker(settings)
    // It may end before it says that it runs.
    const program = all(role).at(-1)
    if (program) watch(role, program, successor)
    return starting
  }

  const all = (role: Role) => (role === 'web' ? system.webs : system.workers)
  const running = (role: Role) => all(role).filter((program) => program.running() && !retired.has(program))
  for (const role of ['web', 'worker'] as const) for (const program of all(role)) watch(role, program, {})

  return {
    running,
    async kill(role, which = 0) {
      const program = running(role)[which]
      if (!program) throw new Error(`There is no ${role} ${which}`)
      log.note(`${role} killed`, { kills: role === 'worker' ? 1 : 0, pid: program.pid })
      killed.add(program)
      await program.kill('SIGKILL')
      return program
    },
    add: (role, settings = {}, successors = {}) => start(role, settings, successors),
    async retire(program) {
      retired.add(program)
      const askedAt = performance.now()
      await program.kill('SIGTERM')
      const exit = await program.ended()
      return { exit, seconds: (performance.now() - askedAt) / 1000 }
    },
    expectEnds(pattern) {
      expected = pattern
    },
    async complete() {
      while (starting.size > 0) await Promise.all(starting)
    },
    async dismiss() {
      dismissed = true
      await Promise.allSettled(starting)
    },
  }
}
