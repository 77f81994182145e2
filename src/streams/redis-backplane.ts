import { startLoop } from '../loop.ts'
import { connectRedis, type RedisConnection } from '../redis/connect.ts'
import { createEar } from '../redis/ear.ts'
import { pingRedis } from '../redis/reachable.ts'
import { runIdOf } from '../redis/run-id.ts'
import { type Logger, rateLimitedErrors } from '../telemetry/log.ts'
import type { Backplane, Heard, History, HistoryLimits } from './backplane.ts'
import { BackplaneAway } from './publisher.ts'
import { createRedisPublisher, newEpoch } from './redis-publisher.ts'
import { keysOf, parseMessage, RANGE, READ, streamOfChannel } from './redis-scripts.ts'
import { createStreamIndex, INDEX } from './stream-index.ts'
import { createStreamTail, type Reading, type StreamTail } from './stream-tail.ts'

/** A lost last message shows in nothing else, so the numbers are compared this often. */
const COMPARE_EVERY_MS = 5_000
/** Streams compared or begun in one go, so that thousands of them do not hold up Redis. */
const AT_ONCE = 200
/** A process that was cut off reads what it missed in slices of so many messages. */
const READ_AT_ONCE = 500

interface Followed {
  tail: StreamTail
  /** Somebody wants this stream, or all of them. */
  reasons: Set<'one' | 'all'>
  ready: Promise<void>
}

/** The backplane of several processes: Redis numbers, keeps and spreads the messages. */
export function createRedisBackplane(deps: { url: string; log: Logger; history: HistoryLimits }): Backplane {
  const { url, log, history: limits } = deps
  const onError = rateLimitedErrors(log, 'backplane.error')
  const commands = connectRedis(url, { name: 'ara-events backplane', log, kind: 'producer' })
  const run = runIdOf(commands)
  const index = createStreamIndex(commands)
  const publisher = createRedisPublisher({ commands, run, index, limits, onError })
  const followed = new Map<string, Followed>()
  /** Another object each time that it begins. */
  let wildcard: object | null = null
  let listener: (heard: Heard) => void = () => undefined

  const compare = startLoop({ runOnce: compareAll, everyMs: COMPARE_EVERY_MS, onError })
  const ear = createEar({
    ...{ url, commands, name: 'ara-events streams', log, onError },
    onMessage(channel, text) {
      if (channel !== INDEX) followed.get(streamOfChannel(channel))?.tail.hear(parseMessage(text))
      else if (wildcard) hear(text, 'all', 'start').catch(onError)
    },
    // Only now is what is missing complete, since the rest is heard.
    onBack: () => compare.wake(),
  })

  /** @param from where a stream begins that is new here: at its next message, or at the first that is kept */
  async function hear(stream: string, reason: 'one' | 'all', from: 'now' | 'start'): Promise<void> {
    const entry = followed.get(stream) ?? begin(stream, from)
    entry.reasons.add(reason)
    try {
      await entry.ready
    } catch (error) {
      if (followed.get(stream) === entry) drop(stream)
      away(error)
    }
  }

  function begin(stream: string, from: 'now' | 'start'): Followed {
    const tail = createStreamTail({
      stream,
      from,
      read: async (have) => readStream(commands, await run(), stream, have),
      emit: (heard) => followed.get(stream)?.tail === tail && listener(heard),
      onError,
    })
    const ready = ear.hear(keysOf(stream).channel).then(() => tail.catchUp())
    const entry: Followed = { tail, reasons: new Set(), ready }
    followed.set(stream, entry)
    return entry
  }

  function leave(stream: string, reason: 'one' | 'all'): void {
    const entry = followed.get(stream)
    entry?.reasons.delete(reason)
    if (entry?.reasons.size === 0) drop(stream)
  }

  function drop(stream: string): void {
    followed.delete(stream)
    ear.leave(keysOf(stream).channel)
  }

  /** Streams that have a name and are not followed yet begin at their start: they appeared since all are followed. */
  async function hearNamed(from: 'now' | 'start'): Promise<void> {
    const began = wildcard
    const missing = (await index.names()).filter((stream) => !followed.get(stream)?.reasons.has('all'))
    // Nobody would give up what begins after the wildcard has ended.
    await inSlices(missing, async (stream) => {
      if (wildcard !== null && wildcard === began) await hear(stream, 'all', from)
    })
  }

  async function compareAll(): Promise<undefined> {
    if (wildcard) await hearNamed('start')
    const tails = [...followed.values()].map(({ tail }) => tail)
    await inSlices(
      tails.filter((tail) => tail.position() !== null),
      (tail) => tail.catchUp(),
    )
    // A link that died silently is found by asking for an answer on it.
    await ear.check()
  }

  return {
    onHeard(heard) {
      listener = heard
    },
    publish: publisher.publish,
    follow: (stream) => hear(stream, 'one', 'now'),
    unfollow: (stream) => leave(stream, 'one'),
    async followAll() {
      wildcard = {}
      try {
        await ear.hear(INDEX)
        await hearNamed('now')
      } catch (error) {
        this.unfollowAll()
        away(error)
      }
    },
    unfollowAll() {
      wildcard = null
      ear.leave(INDEX)
      for (const stream of this.named()) leave(stream, 'all')
    },
    named: () => [...followed].flatMap(([stream, { reasons }]) => (reasons.has('all') ? [stream] : [])),
    position: (stream) => followed.get(stream)?.tail.position() ?? null,
    async refresh(stream) {
      // The first may have been under way for a while.
      for (let reading = 0; reading < 2; reading += 1) await followed.get(stream)?.tail.catchUp().catch(away)
    },
    history: (stream, after, most) => {
      const oldest = Date.now() - limits.seconds * 1000
      return readHistory(commands, stream, [after, most, oldest]).catch(away)
    },
    check: () => pingRedis(commands),
    async close() {
      await compare.stop()
      ear.close()
      commands.disconnect()
    },
  }
}

async function inSlices<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += AT_ONCE) {
    await Promise.all(all.slice(start, start + AT_ONCE).map(work))
  }
}

async function readStream(
  commands: RedisConnection,
  runId: string,
  stream: string,
  have: { epoch: string; seq: number } | null,
): Promise<Reading> {
  const { state, history } = keysOf(stream)
  const has = [have?.epoch ?? '', have?.seq ?? 0]
  return reading(await commands.eval(READ, 2, state, history, newEpoch(), runId, ...has, READ_AT_ONCE))
}

async function readHistory(commands: RedisConnection, stream: string, wanted: readonly number[]): Promise<History> {
  const { state, history } = keysOf(stream)
  return reading(await commands.eval(RANGE, 2, state, history, ...wanted))
}

function reading(answer: unknown): Reading {
  const [epoch, seq, messages] = answer as [string, string, string[]]
  return { epoch, seq: Number(seq), messages: messages.map(parseMessage) }
}

function away(error: unknown): never {
  throw new BackplaneAway(error)
}
