/** A command that was called wrongly: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** A command that could not do what it should, for a reason that its message tells: exit code 1. */
export class CommandFailed extends Error {
  /** For `--json`: what the server answered, where it did. */
  readonly answer: unknown

  constructor(message: string, options: { answer?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CommandFailed'
    this.answer = options.answer
  }
}
