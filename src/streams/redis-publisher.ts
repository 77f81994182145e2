import { randomBytes } from 'node:crypto'
import { createBatch } from '../redis/batch.ts'
import type { RedisConnection } from '../redis/connect.ts'
import type { HistoryLimits } from './backplane.ts'
import { type UnnumberedFrame, unnumberedFrame } from './frames.ts'
import { BackplaneAway, type Publisher } from './publisher.ts'
import { keysOf, PUBLISH } from './redis-scripts.ts'
import type { StreamIndex } from './stream-index.ts'

/** Arguments of one script call: bounds what Redis does in one step. */
const MOST_IN_A_CALL = 250

/** One script call for all messages of a stream, and one round trip for all calls. Redis gets the script's text once a connection. */
export function createRedisPublisher(deps: {
  commands: RedisConnection
  run: () => Promise<string>
  index: StreamIndex
  limits: HistoryLimits
  onError: (error: unknown) => void
}): Publisher {
  const { commands, run, index, limits } = deps
  commands.defineCommand(SCRIPT, { numberOfKeys: 2, lua: PUBLISH })

  function call(to: unknown, runId: string, { stream, frames }: Call): unknown {
    const { state, history, channel } = keysOf(stream)
    const kept = [limits.messages, limits.seconds]
    return (to as Scripted)[SCRIPT](state, history, newEpoch(), runId, Date.now(), channel, ...kept, ...frames)
  }

  return {
    async publish(messages) {
      const runId = await run().catch(away)
      const calls = callsFor(messages.map(unnumberedFrame))
      const batch = createBatch(commands)
      const named = index.name(batch, calls)
      const before = batch.length
      for (const one of calls) batch.add((to) => call(to, runId, one))
      const answers = await batch.done().catch(away)
      named()
      const begun = calls.filter(({ frames }, at) => Number(answers[before + at]) === frames.length / 2)
      await index.nameAgain(begun).catch(deps.onError)
    },
  }
}

const SCRIPT = 'publishToStream'
type Scripted = Record<typeof SCRIPT, (...args: (string | number)[]) => unknown>

interface Call {
  stream: string
  /** Heads and tails in turn. */
  frames: string[]
}

/** Messages of one stream share a call; their order within the stream stays. */
function callsFor(frames: readonly UnnumberedFrame[]): Call[] {
  const open = new Map<string, Call>()
  const calls: Call[] = []
  for (const { stream, head, tail } of frames) {
    let call = open.get(stream)
    if (!call || call.frames.length >= 2 * MOST_IN_A_CALL) {
      call = { stream, frames: [] }
      open.set(stream, call)
      calls.push(call)
    }
    call.frames.push(head, tail)
  }
  return calls
}

export function newEpoch(): string {
  return randomBytes(6).toString('hex')
}

function away(error: unknown): never {
  throw new BackplaneAway(error)
}
