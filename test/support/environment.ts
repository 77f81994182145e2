/** Runs `work` with variables of the environment set, and puts back what was there. */
export async function withEnvironment(settings: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, settings)
  try {
    await work()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}
