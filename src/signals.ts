/** A runner passes Ctrl-C on to processes that the terminal has told already: what comes so soon is the same request. */
const SAME_REQUEST_MS = 1_000

/** Resolves with the first signal that asks the process to end. A later one ends it at once, without waiting. */
export function untilAskedToEnd(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const onSignal = (signal: NodeJS.Signals) => {
      if (askedAt !== undefined && performance.now() - askedAt > SAME_REQUEST_MS) process.exit(1)
      // Until the repetition has come the process stays: one that is half gone would die of it.
      if (askedAt === undefined) setTimeout(() => undefined, SAME_REQUEST_MS / 2)
      askedAt ??= performance.now()
      resolve(signal)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}
