import { parseArgs } from 'node:util'
import { startClient } from './fanout/client.ts'
import { startWeb } from './fanout/ours.ts'
import { cpuSeconds } from './fanout/usage.ts'
import { DATA } from './fanout/wire.ts'
import { openStores } from './support/stores.ts'
import { conditions, median, spread, table } from './support/table.ts'

/*
 * How many messages a second one producer brings through one Redis to the sockets of one and of two web processes: validated,
 * numbered, kept in the history and answered. The producer has a socket of its own and sends the next frame when the first of
 * those under way was answered; each stream has a socket in each web process, and all of them must get every message.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    profile: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const STREAMS = 10
const MESSAGES_A_FRAME = 100
/** Half of what one socket may have under way. */
const FRAMES_UNDER_WAY = 50
const WARM_UP_SECONDS = 1
/** More than there is, so that only the answers hold the producer back. */
const FRAMES_PER_SECOND = 100_000

const stores = await openStores()
const client = await startClient()
const measured = new Map<number, { rate: number; web: number; redis: number }[]>([
  [1, []],
  [2, []],
])
try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const [processes, rows] of measured) {
      rows.push(await measure(processes))
      process.stderr.write(`round ${round}/${rounds}: ${processes} web, ${Math.round(rows.at(-1)?.rate ?? 0)}/s\n`)
    }
  }
  report()
} finally {
  await client.stop()
  await stores.close()
}

async function measure(processes: number): Promise<{ rate: number; web: number; redis: number }> {
  const server = await startWeb({ stores, profiles: values.profile }, processes)
  try {
    const message = `{"channel":"market-data","symbol":"%s","data":${DATA}}`
    const messages = Array.from({ length: MESSAGES_A_FRAME }, () => message).join(',')
    const wire = { ...server.wire, publish: `{"messages":[${messages}]}`, window: FRAMES_UNDER_WAY }
    client.speak(wire, server.ports, STREAMS)
    const opened = await client.open(STREAMS * processes)
    if (opened.ms < 0) throw new Error(`Only ${opened.opened} sockets were opened`)
    await client.run(FRAMES_PER_SECOND, WARM_UP_SECONDS)
    const [redisPid = 0] = server.pids.slice(-1)
    const before = await Promise.all([cpuSeconds(server.pids), cpuSeconds([redisPid])])
    const run = await client.run(FRAMES_PER_SECOND, seconds)
    const after = await Promise.all([cpuSeconds(server.pids), cpuSeconds([redisPid])])
    await client.close()
    if (run.missing > 0 || run.repeated > 0 || run.errors > 0) {
      throw new Error(`Not all was delivered: ${JSON.stringify(run)}`)
    }
    const all = (after[0] - before[0]) / run.seconds
    const redis = (after[1] - before[1]) / run.seconds
    return { rate: (run.sent * MESSAGES_A_FRAME) / run.publishedIn, web: all - redis, redis }
  } finally {
    await server.stop()
  }
}

function report(): void {
  const rows = [...measured].map(([processes, own]) => {
    const rates = own.map(({ rate }) => rate)
    const share = (values: readonly number[]) => `${Math.round(median(values) * 100)} %`
    return [
      `${processes} web`,
      median(rates),
      spread(rates),
      share(own.map(({ web }) => web)),
      share(own.map(({ redis }) => redis)),
    ]
  })
  const how = `one producer, ${MESSAGES_A_FRAME} messages a frame, ${STREAMS} streams, history on, ${seconds} s a round`
  process.stdout.write(`## Messages a second through one Redis\n\n${conditions(how)}\n`)
  process.stdout.write(`medians of ${rounds} rounds; every socket got every message\n\n`)
  process.stdout.write(`${table(['', 'messages a second', 'from – to', 'CPU of web', 'CPU of Redis'], rows)}\n`)
}
