import { setImmediate } from 'node:timers/promises'
import { connectRedis } from '../../src/redis/connect.ts'
import { createRedisBackplane } from '../../src/streams/redis-backplane.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { eventually } from './eventually.ts'
import { message, startStreams } from './stream-server.ts'
import type { WebCommand } from './stream-web-process.ts'

/* A web process with nothing but streams, for `startWebProcess`. It does what it is told and says when that is done. */

process.on('disconnect', () => process.exit())
const { PORT = '0', REDIS_URL, SLOW_SECONDS = '15', SOCKETS_PER_USER = '1000000' } = process.env
const log = openLog({ level: 'silent', name: 'test' })
const history = { messages: 1000, seconds: 300 }
const backplane = REDIS_URL ? createRedisBackplane({ url: REDIS_URL, log, history }) : undefined
if (backplane) await eventually(() => backplane.check())
const rules = { slowSeconds: Number(SLOW_SECONDS) }
const shared = { port: Number(PORT), exclusive: false, rules }
const leases = REDIS_URL && {
  redis: connectRedis(REDIS_URL, { name: 'leases', log, kind: 'producer' }),
  socketsPerUser: Number(SOCKETS_PER_USER),
}
const system = await startStreams(backplane ? { ...shared, ...leases, backplane } : shared)

process.on('message', async ({ id, ...command }: WebCommand & { id: number }) => {
  process.send?.({ id, answer: await obey(command) })
})
process.send?.({ port: system.port })

async function obey(command: WebCommand): Promise<unknown> {
  switch (command.does) {
    case 'publish':
      return publish(command)
    case 'memory':
      return memory()
    case 'sockets':
      return system.streams.sockets()
    case 'counters':
      return { sockets: system.streams.sockets(), streams: system.streams.streams(), errors: system.errors.length }
    default:
      return command satisfies never
  }
}

/** What is in use: garbage, and the room it leaves, say nothing. */
function memory(): number {
  globalThis.gc?.()
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  return rss - heapTotal + heapUsed
}

/** As many a second as asked for, or all in one turn when the rate is 0. */
async function publish({ symbol, count, perSecond, bytes }: Extract<WebCommand, { does: 'publish' }>): Promise<number> {
  const data = JSON.stringify({ x: 'x'.repeat(bytes), by: process.pid })
  const batch = (size: number) => Array.from({ length: size }, () => message({ symbol, data }))
  if (perSecond === 0) {
    await system.backplane.publish(batch(count))
    return count
  }
  const began = performance.now()
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * perSecond))
    if (due > sent) await system.backplane.publish(batch(due - sent))
    sent = Math.max(sent, due)
    await (due < count ? tick() : setImmediate())
  }
  return count
}

/** Ten messages a tick at 1,000 a second, as a feed would send them. */
function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10))
}
