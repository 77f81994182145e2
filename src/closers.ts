import type { Logger } from './telemetry/log.ts'

/** Whoever opens something registers how it is closed; closing walks the list backwards. */
export interface Closers {
  add(name: string, close: () => unknown): void
  closeAll(): Promise<void>
}

export function createClosers(log: Logger): Closers {
  const stack: { name: string; close: () => unknown }[] = []
  return {
    add: (name, close) => void stack.push({ name, close }),
    async closeAll() {
      for (let entry = stack.pop(); entry; entry = stack.pop()) {
        try {
          await entry.close()
        } catch (error) {
          log.error({ err: error, resource: entry.name }, 'resource.close_failed')
        }
      }
    },
  }
}
