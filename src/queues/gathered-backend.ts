import { createRedisBackend } from 'bullmq'

/*
 * BullMQ runs one script for each job that it adds or ends, each with the same dozen keys. Attempts end by the batch, and are
 * fed by the batch: here those of one turn of the event loop become one call, in which BullMQ's own script runs for one job after
 * the other. What one of them throws is that one's answer alone, as if it had been called alone.
 */
const GATHERED = ['addStandardJob', 'moveToFinished']
/** A call keeps the store from everybody else while it runs; 50 jobs are some 2 ms. */
const MOST_AT_ONCE = 50

type Argument = string | number | boolean | Buffer | undefined
type Run = (args: readonly Argument[]) => Promise<unknown>

/** What is used of BullMQ's client beside its types. */
interface Client {
  scriptsSet?: Record<string, { lua: string; numberOfKeys: number }>
  defineCommand(name: string, definition: { lua: string }): void
  runCommand(name: string, args: Argument[]): Promise<unknown>
}

export const createGatheredBackend: typeof createRedisBackend = (...args) => {
  const backend = createRedisBackend(...args)
  const runs = new WeakMap<object, Map<string, Run>>()
  const execute = backend.execCommand.bind(backend)

  function gathered(client: Client, name: string): Run | undefined {
    const known = runs.get(client) ?? new Map<string, Run>()
    runs.set(client, known)
    const run = known.get(name) ?? gatherScript(client, name)
    if (run) known.set(name, run)
    return run
  }

  backend.execCommand = (client, name, args) => {
    const run = GATHERED.includes(name) ? gathered(client as unknown as Client, name) : undefined
    return run ? run(args) : execute(client, name, args)
  }
  backend.addJobs = async (entries) => {
    const client = await backend.connection.client
    return Promise.all(
      entries.map((entry) => backend.addJobToTransaction(client, entry.job, entry.jobId, entry.parentKeyOpts)),
    )
  }
  return backend
}

/** Undefined where its text is not known: on a pipeline. */
function gatherScript(client: Client, name: string): Run | undefined {
  const [versioned, script] = Object.entries(client.scriptsSet ?? {}).find(([key]) => key.startsWith(`${name}:`)) ?? []
  if (versioned === undefined || script === undefined) return undefined
  const command = `gathered:${versioned}`
  client.defineCommand(command, { lua: forEach(script.lua) })
  let waiting: Call[] = []

  function flush(): void {
    const calls = waiting
    waiting = []
    for (let at = 0; at < calls.length; at += MOST_AT_ONCE) {
      void runTogether(client, command, script?.numberOfKeys ?? 0, calls.slice(at, at + MOST_AT_ONCE))
    }
  }

  return (args) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) process.nextTick(flush)
      waiting.push({ args: [...args], resolve, reject })
    })
}

interface Call {
  args: readonly Argument[]
  resolve: (answer: unknown) => void
  reject: (error: unknown) => void
}

async function runTogether(client: Client, command: string, keys: number, calls: readonly Call[]): Promise<void> {
  const shared = calls[0]?.args.slice(0, keys) ?? []
  const args: Argument[] = [keys, ...shared]
  for (const call of calls) {
    const others = call.args.slice(0, keys).flatMap((key, index) => (key === shared[index] ? [] : [index + 1, key]))
    args.push(others.length / 2, ...others, call.args.length - keys, ...call.args.slice(keys))
  }
  try {
    const answers = (await client.runCommand(command, args)) as [number, unknown][]
    for (const [index, [failed, answer]] of answers.entries()) {
      if (failed) calls[index]?.reject(new Error(String(answer)))
      else calls[index]?.resolve(answer)
    }
  } catch (error) {
    for (const call of calls) call.reject(error)
  }
}

/**
 * The keys of the first call, then for each: how many of its keys differ, which and to what; how many arguments it has, and
 * they. Each answers whether it failed and with what.
 */
function forEach(lua: string): string {
  return `
    local function run(KEYS, ARGV)
      ${lua}
    end
    local answers, at = {}, 1
    local function take()
      at = at + 1
      return ARGV[at - 1]
    end
    while at <= #ARGV do
      local keys, args = {unpack(KEYS)}, {}
      for _ = 1, tonumber(take()) do
        local place = tonumber(take())
        keys[place] = take()
      end
      for place = 1, tonumber(take()) do args[place] = take() end
      local ok, answer = pcall(run, keys, args)
      if not ok and type(answer) == 'table' then answer = answer.err end
      answers[#answers + 1] = {ok and 0 or 1, answer}
    end
    return answers`
}
