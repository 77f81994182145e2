/** One attempt that was made and recorded: its place in the log. */
export interface MadeAttempt {
  webhookId: string
  deliveryId: string
  attempt: number
}

/**
 * Tells the web processes of attempts as the workers make them, of webhooks that somebody watches. Best effort: nothing is
 * kept or numbered, since the delivery log is the truth; what is told is only where to look.
 */
export interface WatchedAttempts {
  /** Of a webhook that nobody watches this costs a look into a set. It never waits and never throws. */
  made(attempt: MadeAttempt): void
  /** Told of every attempt of the webhooks watched here; set once. */
  onMade(listener: (attempt: MadeAttempt) => void): void
  /** All that is watched here from now on. */
  watch(webhookIds: ReadonlySet<string>): void
  close(): Promise<void>
}

/** Of a process that makes the attempts and serves the sockets. */
export function createMemoryWatchedAttempts(): WatchedAttempts {
  let watched: ReadonlySet<string> = new Set()
  let listener: (attempt: MadeAttempt) => void = () => undefined
  return {
    made(attempt) {
      if (watched.has(attempt.webhookId)) setImmediate(listener, attempt)
    },
    onMade(heard) {
      listener = heard
    },
    watch(webhookIds) {
      watched = webhookIds
    },
    close: async () => undefined,
  }
}
