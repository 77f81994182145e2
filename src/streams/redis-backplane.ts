import type { Redis } from 'ioredis'
import { startLoop } from '../loop.ts'
import { connectRedis } from '../redis/connect.ts'
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

/** The backplane of several processes: one Redis numbers, keeps and spreads the messages. */
export function createRedisBackplane(deps: { url: string; log: Logger; history: HistoryLimits }): Backplane {
  const { url, log, history: limits } = deps
  const onError = rateLimitedErrors(log, 'backplane.error')
  const commands = connectRedis(url, { name: 'ara-events backplane', log, kind: 'producer' })
  const ear = connectRedis(url, { name: 'ara-events streams', log, kind: 'subscriber' })
  const run = runIdOf(commands)
  const index = createStreamIndex(commands)
  const publisher = createRedisPublisher({ commands, run, index, limits, onError })
  const followed = new Map<string, Followed>()
  let followsAll = false
  let listener: (heard: Heard) => void = () => undefined

  ear.on('message', (channel: string, text: string) => {
    if (channel !== INDEX) followed.get(streamOfChannel(channel))?.tail.hear(parseMessage(text))
    else if (followsAll) hear(text, 'all', 'start').catch(onError)
  })
  const compare = startLoop({ runOnce: compareAll, everyMs: COMPARE_EVERY_MS, onError })
  // Only then is what is missing complete, and the rest will be heard.
  ear.on('ready', () => subscribeAgain().then(() => compare.wake(), onError))

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
    const ready = ear.subscribe(keysOf(stream).channel).then(() => tail.catchUp())
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
    if (ear.status === 'ready') ear.unsubscribe(keysOf(stream).channel).catch(onError)
  }

  /** Streams that have a name and are not followed yet begin at their start: they appeared since all are followed. */
  async function hearNamed(from: 'now' | 'start'): Promise<void> {
    const missing = (await index.names()).filter((stream) => !followed.get(stream)?.reasons.has('all'))
    await inSlices(missing, (stream) => hear(stream, 'all', from))
  }

  async function compareAll(): Promise<undefined> {
    if (followsAll) await hearNamed('start')
    const tails = [...followed.values()].map(({ tail }) => tail)
    await inSlices(
      tails.filter((tail) => tail.position() !== null),
      (tail) => tail.catchUp(),
    )
    // A link that died silently is found by asking for an answer on it.
    if (ear.status === 'ready') await ear.ping()
  }

  /** After the link was cut; when that fails, the link is made anew. */
  async function subscribeAgain(): Promise<void> {
    const channels = [...followed.keys()].map((stream) => keysOf(stream).channel)
    if (followsAll) channels.push(INDEX)
    if (channels.length === 0) return
    try {
      await ear.subscribe(...channels)
    } catch (error) {
      if (ear.status === 'ready') ear.disconnect(true)
      throw error
    }
  }

  return {
    onHeard(heard) {
      listener = heard
    },
    publish: publisher.publish,
    follow: (stream) => hear(stream, 'one', 'now'),
    unfollow: (stream) => leave(stream, 'one'),
    async followAll() {
      followsAll = true
      try {
        await ear.subscribe(INDEX)
        await hearNamed('now')
      } catch (error) {
        this.unfollowAll()
        away(error)
      }
    },
    unfollowAll() {
      followsAll = false
      if (ear.status === 'ready') ear.unsubscribe(INDEX).catch(onError)
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
    check: async () => void (await commands.ping()),
    async close() {
      await compare.stop()
      ear.disconnect()
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

function away(error: unknown): never {
  throw new BackplaneAway(error)
}
