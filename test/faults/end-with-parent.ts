const LOOK_EVERY_MS = 1_000

/** Ends this process when the one that started it is gone, so that a killed run leaves nothing behind. */
export function endWithParent(): void {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || process.exit(1), LOOK_EVERY_MS).unref()
}
