import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { makeToken } from '../../src/identity/make-token.ts'
import { freePort } from '../../test/support/ports.ts'
import { type Program, startProgram } from '../../test/support/program.ts'
import type { Stores } from '../support/stores.ts'
import type { Contender, Running } from './contenders.ts'
import { DATA, type Wire } from './wire.ts'

/** Each socket has a user and a token of its own. */
const USERS = 8_000
const TOKEN_SECONDS = 3_600
const secret = randomBytes(32).toString('hex')

/** This server as it is deployed; of the Redis forms Redis itself counts too. */
export function oursByKey(setup: Setup): Record<string, Contender> {
  return {
    ours: contender('ara-events, embedded', () => startEmbedded(setup, tokenWire())),
    'ours-redis-1': contender('ara-events, Redis, 1 web process', () => startWeb(setup, 1)),
    'ours-redis-2': contender('ara-events, Redis, 2 web processes', () => startWeb(setup, 2)),
    'ours-anonymous': contender('ara-events, embedded, without tokens', () =>
      startEmbedded(setup, { ...tokenWire(), paths: ['/ws/market-data/%s?snapshot=false'] }),
    ),
  }
}

export interface Setup {
  stores: Stores
  /** A directory that gets a CPU profile of each process. */
  profiles: string | undefined
}

function contender(name: string, start: Contender['start']): Contender {
  return { name, missing: () => null, start }
}

/** One process for everything, with the backplane in its memory. */
async function startEmbedded(setup: Setup, wire: Wire): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'ara-fanout-'))
  const env = { ...envOf(setup), DATA_DIR: directory, DEMO_FEED: 'false', STREAMS_ANONYMOUS: 'market-data' }
  const running = await startAll(setup, [{ file: 'dist/src/start.js', env }], wire, [])
  return {
    ...running,
    async stop() {
      await running.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The pid of Redis comes last. */
export async function startWeb(setup: Setup, processes: number): Promise<Running> {
  const { stores } = setup
  await stores.redis.flushAll()
  const env = { ...envOf(setup), REDIS_URL: stores.redis.url }
  const starts = Array.from({ length: processes }, () => ({ file: 'dist/src/web.js', env }))
  return startAll(setup, starts, tokenWire(), [stores.redis.pid])
}

async function startAll(
  { profiles }: Setup,
  starts: readonly { file: string; env: NodeJS.ProcessEnv }[],
  wire: Wire,
  others: readonly number[],
): Promise<Running> {
  const flags = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profiles)}`]
  const started = await Promise.all(
    starts.map(async ({ file, env }) => {
      const port = await freePort()
      const program = startProgram(process.execPath, [...flags, file], { env: { ...env, PORT: String(port) } })
      return { port, program }
    }),
  )
  await Promise.all(started.map(({ port, program }) => untilReady(port, program)))
  return {
    ports: started.map(({ port }) => port),
    pids: [...started.map(({ program }) => program.pid), ...others],
    wire,
    stop: async () =>
      void (await Promise.all(
        started.map(({ program }) => (profiles === undefined ? program.kill('SIGKILL') : program.stop())),
      )),
  }
}

function envOf({ stores }: Setup): NodeJS.ProcessEnv {
  return {
    ...process.env,
    DATABASE_URL: stores.databaseUrl,
    JWT_SECRET: secret,
    SECRETS_KEY: `k1:${randomBytes(32).toString('base64')}`,
    METRICS_TOKEN: secret,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
  }
}

function tokenWire(): Wire {
  const token = (sub: string, role: 'user' | 'producer') =>
    makeToken({ secret }, { sub, role, tier: 'free' }, TOKEN_SECONDS)
  return {
    paths: users(token),
    ready: '"type":"connected"',
    publisherPath: `/ws/publish?token=${token('producer', 'producer')}`,
    publish: `{"channel":"market-data","symbol":"%s","data":${DATA}}`,
  }
}

let madeUsers: string[] | undefined

function users(token: (sub: string, role: 'user') => string): string[] {
  madeUsers ??= Array.from(
    { length: USERS },
    (_, index) => `/ws/market-data/%s?snapshot=false&token=${token(`trader-${index}`, 'user')}`,
  )
  return madeUsers
}

async function untilReady(port: number, program: Program): Promise<void> {
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await ready())) {
    if (!program.running()) throw new Error(`The process ended:\n${program.output()}`)
    await setTimeout(50)
  }
}
