/** A thing done again and again: every so often, sooner when woken, one round at a time. */
export interface Loop {
  wake(): void
  /** Resolves when the round that is under way has ended; none begins after. */
  stop(): Promise<void>
}

/** However often it is woken: what is away needs no more calls. */
const REST_AFTER_ERROR_MS = 1_000

/**
 * @param runOnce one round; `true` asks for the next one at once
 * @param restMs asked after each round: how long a woken loop waits for more to come before its round, so that many calls make one round
 * @param onError told of a round that threw; the loop goes on after the pause
 */
export function startLoop(options: {
  runOnce: () => Promise<boolean | undefined>
  everyMs: number
  restMs?: () => number
  onError: (error: unknown) => void
}): Loop {
  let stopped = false
  let woken = false
  let restMs = 0
  let sleep: { end: () => void; shorten: () => void } | undefined

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      let timer = setTimeout(resolve, options.everyMs)
      sleep = {
        end() {
          clearTimeout(timer)
          resolve()
        },
        shorten() {
          clearTimeout(timer)
          timer = setTimeout(resolve, Math.min(restMs, options.everyMs))
        },
      }
      if (woken) sleep.shorten()
    })
  }

  async function run(): Promise<void> {
    while (!stopped) {
      woken = false
      let failed = false
      const more = await options.runOnce().catch((error) => {
        failed = true
        options.onError(error)
      })
      restMs = failed ? REST_AFTER_ERROR_MS : (options.restMs?.() ?? 0)
      if (more !== true && !stopped) await pause()
    }
  }

  const running = run()
  return {
    wake() {
      if (woken) return
      woken = true
      sleep?.shorten()
    },
    stop() {
      stopped = true
      sleep?.end()
      return running
    },
  }
}
