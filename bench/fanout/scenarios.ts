import { setTimeout } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { Running } from './contenders.ts'
import { cpuSeconds, memoryOf } from './usage.ts'

/** What is measured of a server, one or more figures at a time. */
export interface Scenario {
  name: string
  measure(client: Client, server: Running, seconds: number): Promise<Figures>
}

/** By name; what was not measured is not there. */
export type Figures = Partial<Record<Figure, number>>
export type Figure = (typeof FIGURES)[number]
export const FIGURES = [
  'share',
  'repeated',
  'p50Ms',
  'p99Ms',
  'maxMs',
  'cpuPerMillion',
  'cpuShare',
  'clientShare',
  'acceptMs',
  'bytesPerSocket',
  'stalledP99Ms',
  'stalledShare',
] as const

/** What comes first after the sockets are open is not measured: code is compiled, buffers grow. */
const WARM_UP_SECONDS = 3
const STALLED = 10
const IDLE_SOCKETS = 8_000

export const SCENARIOS: Record<string, Scenario> = {
  // First: memory that a server has got for other sockets would be there already.
  idle: { name: `${IDLE_SOCKETS.toLocaleString('en')} sockets that only wait`, measure: measureIdle },
  '20/s': fanOut('1,000 sockets × 20/s', { sockets: 1_000, topics: 1, rate: 20 }),
  '400/s': fanOut('1,000 sockets × 400/s', { sockets: 1_000, topics: 1, rate: 400 }),
  '1000/s': fanOut('1,000 sockets × 1,000/s', { sockets: 1_000, topics: 1, rate: 1_000 }),
  symbols: fanOut('1,000 sockets over 100 symbols × 10/s each', { sockets: 1_000, topics: 100, rate: 1_000 }),
  '5000-sockets': fanOut('5,000 sockets × 10/s', { sockets: 5_000, topics: 1, rate: 10 }),
  stalled: { name: `${STALLED} of 1,000 sockets × 100/s read nothing`, measure: measureStalled },
}

interface Load {
  sockets: number
  topics: number
  rate: number
}

function fanOut(name: string, load: Load): Scenario {
  return { name, measure: (client, server, seconds) => measureFanOut(client, server, seconds, load) }
}

async function measureFanOut(client: Client, server: Running, seconds: number, load: Load): Promise<Figures> {
  await openAll(client, server, load)
  await client.run(load.rate, WARM_UP_SECONDS)
  const cpu = await cpuSeconds(server.pids)
  const run = await client.run(load.rate, seconds)
  const used = (await cpuSeconds(server.pids)) - cpu
  await client.close()
  const wanted = load.rate * seconds * (load.sockets / load.topics)
  return {
    share: (run.received - run.repeated) / wanted,
    repeated: run.repeated,
    p50Ms: run.p50Us / 1000,
    p99Ms: run.p99Us / 1000,
    maxMs: run.maxUs / 1000,
    cpuPerMillion: (used / run.received) * 1e6,
    cpuShare: used / run.seconds,
    clientShare: run.clientCpu / run.seconds,
  }
}

async function measureIdle(client: Client, server: Running): Promise<Figures> {
  // What a server allocates once belongs to none of the sockets.
  await openAll(client, server, { sockets: 500, topics: 1 })
  await client.close()
  await setTimeout(500)
  const before = await memoryOf(server.pids)
  const acceptMs = await openAll(client, server, { sockets: IDLE_SOCKETS, topics: 1 })
  await setTimeout(500)
  const bytesPerSocket = ((await memoryOf(server.pids)) - before) / IDLE_SOCKETS
  await client.close()
  return { acceptMs, bytesPerSocket }
}

/** First all read, then some of as many sockets do not. */
async function measureStalled(client: Client, server: Running, seconds: number): Promise<Figures> {
  const load = { sockets: 1_000, topics: 1, rate: 100 }
  const figures: Figures = {}
  for (const stalled of [0, STALLED]) {
    await openAll(client, server, { ...load, stalled })
    await client.run(load.rate, WARM_UP_SECONDS)
    const run = await client.run(load.rate, seconds)
    const share = run.received / (load.rate * seconds * (load.sockets - stalled))
    if (stalled === 0) Object.assign(figures, { p99Ms: run.p99Us / 1000, share })
    else Object.assign(figures, { stalledP99Ms: run.p99Us / 1000, stalledShare: share })
    await client.close()
  }
  return figures
}

async function openAll(
  client: Client,
  server: Running,
  { sockets, topics, stalled = 0 }: { sockets: number; topics: number; stalled?: number },
): Promise<number> {
  client.speak(server.wire, server.ports, topics)
  const { opened, ms } = await client.open(sockets, stalled)
  if (ms < 0) throw new Error(`Only ${opened} of ${sockets} sockets were opened`)
  return ms
}
