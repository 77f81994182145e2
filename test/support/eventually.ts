import { setTimeout } from 'node:timers/promises'

/**
 * Waits until `check` neither throws nor returns false, and gives back what it returned.
 * @throws what the last check threw, when the time is over
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 25 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      const value = await check()
      if (value !== false) return value
      if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms`)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await setTimeout(everyMs)
  }
}
