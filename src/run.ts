import type { Closers } from './closers.ts'
import { untilAskedToEnd } from './signals.ts'

/**
 * Runs a process: starts it, waits until it is asked to end and closes what was opened, backwards. Asked while it is still
 * starting (a store may be away for a minute), it does not wait for that.
 * @param start resolves once all runs, with what ends the process by itself, if anything can
 */
export async function runProcess(
  closers: Closers,
  start: () => Promise<{ failed?: Promise<Error>; onEnd?: (signal: NodeJS.Signals) => void }>,
): Promise<void> {
  const asked = untilAskedToEnd()
  const starting = start()
  // Its failure after the race is over has nobody to tell.
  starting.catch(() => undefined)
  const started = await Promise.race([starting, asked.then(() => null)]).catch(async (error: unknown) => {
    await closers.closeAll()
    throw error
  })
  const end = started ? await Promise.race([asked, ...(started.failed ? [started.failed] : [])]) : await asked
  if (started && !(end instanceof Error)) started.onEnd?.(end)
  await closers.closeAll()
  if (end instanceof Error) throw end
  // What is half started goes on opening things that nobody would close.
  if (!started) process.exit(0)
}
