import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { startLoop } from '../loop.ts'
import { connectRedis } from '../redis/connect.ts'
import { runIdOf } from '../redis/run-id.ts'
import { type Logger, rateLimitedErrors } from '../telemetry/log.ts'
import type { Backplane, Heard, History, HistoryLimits } from './backplane.ts'
import { type UnnumberedFrame, unnumberedFrame } from './frames.ts'
import { BackplaneAway } from './publisher.ts'
import { keysOf, PUBLISH, parseMessage, RANGE, READ, streamOfChannel } from './redis-scripts.ts'
import { createStreamTail, type Reading, type StreamTail } from './stream-tail.ts'

/** A lost last message shows in nothing else, so the numbers are compared this often. */
const COMPARE_EVERY_MS = 5_000
/** Streams compared in one go, so that thousands of them do not hold up Redis. */
const COMPARED_AT_ONCE = 200
/** Arguments of one script call: bounds what Redis does in one step. */
const MOST_IN_A_CALL = 250
/** A process that was cut off reads what it missed in slices of so many messages. */
const READ_AT_ONCE = 500

/** The backplane of several processes: one Redis numbers, keeps and spreads the messages. */
export function createRedisBackplane(deps: { url: string; log: Logger; history: HistoryLimits }): Backplane {
  const { url, log, history: limits } = deps
  const onError = rateLimitedErrors(log, 'backplane.error')
  const commands = connectRedis(url, { name: 'ara-events backplane', log, kind: 'producer' })
  const ear = connectRedis(url, { name: 'ara-events streams', log, kind: 'subscriber' })
  const run = runIdOf(commands)
  const tails = new Map<string, StreamTail>()
  let listener: (heard: Heard) => void = () => undefined

  ear.on('message', (channel: string, text: string) => {
    tails.get(streamOfChannel(channel))?.hear(parseMessage(text))
  })
  const compare = startLoop({ runOnce: () => compareAll(tails, ear), everyMs: COMPARE_EVERY_MS, onError })
  // Only then is what is missing complete, and the rest will be heard.
  ear.on('ready', () => subscribe(ear, [...tails.keys()]).then(() => compare.wake(), onError))

  return {
    onHeard(heard) {
      listener = heard
    },
    async publish(messages) {
      const runId = await run().catch(away)
      const pipeline = commands.pipeline()
      for (const { stream, frames } of callsFor(messages.map(unnumberedFrame))) {
        const { state, history, channel } = keysOf(stream)
        const kept = [limits.messages, limits.seconds]
        pipeline.eval(PUBLISH, 2, state, history, newEpoch(), runId, Date.now(), channel, ...kept, ...frames)
      }
      const results = await pipeline.exec().catch(away)
      const failed = results?.find(([error]) => error !== null)
      if (!results || failed) throw new BackplaneAway(failed?.[0])
    },
    async follow(stream) {
      const tail = createStreamTail({
        stream,
        read: async (have) => readStream(commands, await run(), stream, have),
        emit: (heard) => tails.get(stream) === tail && listener(heard),
        onError,
      })
      tails.set(stream, tail)
      try {
        await ear.subscribe(keysOf(stream).channel)
        await tail.catchUp()
      } catch (error) {
        if (tails.get(stream) === tail) this.unfollow(stream)
        away(error)
      }
    },
    position: (stream) => tails.get(stream)?.position() ?? null,
    async refresh(stream) {
      // The first may have been under way for a while.
      for (let reading = 0; reading < 2; reading += 1) await tails.get(stream)?.catchUp().catch(away)
    },
    history: (stream, after, most) => {
      const oldest = Date.now() - limits.seconds * 1000
      return readHistory(commands, stream, [after, most, oldest]).catch(away)
    },
    unfollow(stream) {
      if (tails.delete(stream) && ear.status === 'ready') ear.unsubscribe(keysOf(stream).channel).catch(onError)
    },
    check: async () => void (await commands.ping()),
    async close() {
      await compare.stop()
      ear.disconnect()
      commands.disconnect()
    },
  }
}

async function compareAll(tails: ReadonlyMap<string, StreamTail>, ear: Redis): Promise<undefined> {
  const followed = [...tails.values()].filter((tail) => tail.position() !== null)
  for (let start = 0; start < followed.length; start += COMPARED_AT_ONCE) {
    await Promise.all(followed.slice(start, start + COMPARED_AT_ONCE).map((tail) => tail.catchUp()))
  }
  // A link that died silently is found by asking for an answer on it.
  if (ear.status === 'ready') await ear.ping()
}

/** Again after the link was cut; when that fails, the link is made anew. */
async function subscribe(ear: Redis, streams: readonly string[]): Promise<void> {
  if (streams.length === 0) return
  try {
    await ear.subscribe(...streams.map((stream) => keysOf(stream).channel))
  } catch (error) {
    if (ear.status === 'ready') ear.disconnect(true)
    throw error
  }
}

async function readStream(
  commands: Redis,
  runId: string,
  stream: string,
  have: { epoch: string; seq: number } | null,
): Promise<Reading> {
  const { state, history } = keysOf(stream)
  const has = [have?.epoch ?? '', have?.seq ?? 0]
  return reading(await commands.eval(READ, 2, state, history, newEpoch(), runId, ...has, READ_AT_ONCE))
}

async function readHistory(commands: Redis, stream: string, wanted: readonly number[]): Promise<History> {
  const { state, history } = keysOf(stream)
  return reading(await commands.eval(RANGE, 2, state, history, ...wanted))
}

function reading(answer: unknown): Reading {
  const [epoch, seq, messages] = answer as [string, string, string[]]
  return { epoch, seq: Number(seq), messages: messages.map(parseMessage) }
}

/** Messages of one stream share a call; their order within the stream stays. */
function callsFor(frames: readonly UnnumberedFrame[]): { stream: string; frames: string[] }[] {
  const open = new Map<string, { stream: string; frames: string[] }>()
  const calls: { stream: string; frames: string[] }[] = []
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

function newEpoch(): string {
  return randomBytes(6).toString('hex')
}

function away(error: unknown): never {
  throw new BackplaneAway(error)
}
