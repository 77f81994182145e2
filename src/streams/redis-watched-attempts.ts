import { Cluster } from 'ioredis'
import { startLoop } from '../loop.ts'
import { connectRedis } from '../redis/connect.ts'
import { createEar, type Ear } from '../redis/ear.ts'
import { type Logger, rateLimitedErrors } from '../telemetry/log.ts'
import type { MadeAttempt, WatchedAttempts } from './watched-attempts.ts'

/*
 * Web processes say every few seconds what they watch; it is forgotten when they do not. Workers read that every second, and
 * publish only attempts of those webhooks, so deliveries cost Redis nothing while nobody watches.
 */

const WATCHED = 'ara:attempts:watched'
const CHANNEL = 'ara:attempts'
const SAY_EVERY_MS = 5_000
const LOOK_EVERY_MS = 1_000
const SAID_SECONDS = 15
/** Arguments of one call: bounds what Redis does in one step. */
const SAID_AT_ONCE = 500
const GATHER_MS = 20
/** What a Redis that is away may leave waiting. */
const MOST_WAITING = 1_000

/** By Redis's clock, which all processes share. KEYS watched; ARGV seconds, webhooks. */
const SAY = `
  local till = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
  for i = 2, #ARGV do redis.call('ZADD', KEYS[1], till, ARGV[i]) end
  redis.call('EXPIRE', KEYS[1], ARGV[1])`
const LOOK = `
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
  return redis.call('ZRANGE', KEYS[1], 0, -1)`

export function createRedisWatchedAttempts(deps: {
  url: string
  log: Logger
  /** Whether attempts are made here, so that it must be known what is watched. */
  makesAttempts: boolean
  saidSeconds?: number
}): WatchedAttempts {
  const { saidSeconds = SAID_SECONDS } = deps
  const onError = rateLimitedErrors(deps.log, 'watched_attempts.error')
  const commands = connectRedis(deps.url, { name: 'ara-events watched', log: deps.log, kind: 'producer' })
  const tell = commands instanceof Cluster ? 'spublish' : 'publish'
  let ear: Ear | undefined
  let hearing = false
  let listener: (attempt: MadeAttempt) => void = () => undefined
  let here: ReadonlySet<string> = new Set()
  let anywhere: ReadonlySet<string> = new Set()
  let gathering: NodeJS.Timeout | undefined
  let waiting: string[] = []

  const saying = startLoop({ runOnce: say, everyMs: SAY_EVERY_MS, onError: sayAgain })
  const looking = deps.makesAttempts ? startLoop({ runOnce: look, everyMs: LOOK_EVERY_MS, onError }) : undefined
  commands.on('ready', () => looking?.wake())

  /** Soon: whoever watches waits for it. */
  function sayAgain(error: unknown): void {
    onError(error)
    saying.wake()
  }

  async function say(): Promise<undefined> {
    const ids = [...here]
    if (ids.length > 0 && !hearing) await beginToHear()
    for (let start = 0; start < ids.length; start += SAID_AT_ONCE) {
      await commands.eval(SAY, 1, WATCHED, saidSeconds, ...ids.slice(start, start + SAID_AT_ONCE))
    }
  }

  async function beginToHear(): Promise<void> {
    ear ??= listen()
    await ear.hear(CHANNEL)
    hearing = true
  }

  function listen(): Ear {
    return createEar({
      ...{ url: deps.url, commands, name: 'ara-events attempts', log: deps.log, onError },
      onMessage(_channel, text) {
        for (const line of text.split('\n')) hear(line)
      },
      onBack: () => undefined,
    })
  }

  function hear(line: string): void {
    const [webhookId = '', deliveryId = '', attempt] = line.split(' ')
    if (here.has(webhookId)) listener({ webhookId, deliveryId, attempt: Number(attempt) })
  }

  async function look(): Promise<undefined> {
    // That Redis is away the connection tells itself.
    if (commands.status !== 'ready') return
    anywhere = new Set((await commands.eval(LOOK, 1, WATCHED)) as string[])
  }

  function publish(): void {
    gathering = undefined
    const lines = waiting
    waiting = []
    commands[tell](CHANNEL, lines.join('\n')).catch(onError)
  }

  return {
    made({ webhookId, deliveryId, attempt }) {
      if (!anywhere.has(webhookId) || waiting.length >= MOST_WAITING) return
      waiting.push(`${webhookId} ${deliveryId} ${attempt}`)
      gathering ??= setTimeout(publish, GATHER_MS)
    },
    onMade(heard) {
      listener = heard
    },
    watch(webhookIds) {
      here = webhookIds
      saying.wake()
    },
    async close() {
      clearTimeout(gathering)
      await Promise.all([saying.stop(), looking?.stop()])
      ear?.close()
      commands.disconnect()
    },
  }
}
