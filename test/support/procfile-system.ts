import { randomBytes } from 'node:crypto'
import { makeToken } from '../../src/identity/make-token.ts'
import type { Role } from '../../src/identity/principal.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { type Program, runProgram, startProgram } from './program.ts'
import { startRedis, type TestRedis } from './redis.ts'

/** The Procfile's own processes on a PostgreSQL and a Redis of their own. Needs `npm run build` before. */
export interface ProcfileSystem {
  base: string
  host: string
  database: TestDatabase
  redis: TestRedis
  webs: Program[]
  workers: Program[]
  /** What the processes were given. */
  env: NodeJS.ProcessEnv
  token(sub: string, role: Role): string
  call<Answer>(method: string, path: string, token: string, body?: unknown): Promise<Answer>
  /** Resolves once the process says that it runs; `settings` go beyond what all of them were given. */
  startWeb(settings?: NodeJS.ProcessEnv): Promise<Program>
  startWorker(settings?: NodeJS.ProcessEnv): Promise<Program>
  stop(): Promise<void>
}

const WEB = ['--enable-source-maps', 'dist/src/web.js']
const WORKER = ['--enable-source-maps', 'dist/workers/main.js']
const OWN_SETTINGS =
  /^(DATABASE_|REDIS_|STREAMS_|JWT_|SECRETS_|NODE_ENV$|HOST$|PORT$|DATA_DIR$|DEMO_|DELIVERY_|WEBHOOK)/

export async function startProcfileSystem(
  wanted: {
    webs?: number
    workers?: number
    settings?: Record<string, string>
    /** What they run on, when it is not to be made here; it is given back at the end all the same. */
    database?: TestDatabase
    redis?: TestRedis
  } = {},
): Promise<ProcfileSystem> {
  const database = wanted.database ?? (await createDatabase())
  const redis = wanted.redis ?? (await startRedis())
  const port = await freePort()
  const secret = randomBytes(48).toString('base64')
  const inherited = Object.entries(process.env).filter(([name]) => !OWN_SETTINGS.test(name))
  const env = {
    ...Object.fromEntries(inherited),
    NODE_ENV: 'production',
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    JWT_SECRET: secret,
    SECRETS_KEY: `k1:${randomBytes(32).toString('base64')}`,
    HOST: '127.0.0.1',
    PORT: String(port),
    WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    LOG_LEVEL: 'warn',
    ...wanted.settings,
  }
  const webs: Program[] = []
  const workers: Program[] = []
  const system: ProcfileSystem = {
    base: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    database,
    redis,
    webs,
    workers,
    env,
    token: (sub, role) => makeToken({ secret }, { sub, role, tier: 'enterprise' }, 3600),
    async call(method, path, token, body) {
      const response = await fetch(`${this.base}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
      return text === '' ? undefined : JSON.parse(text)
    },
    startWeb: (settings = {}) => start(webs, WEB, { ...env, ...settings }),
    startWorker: (settings = {}) => start(workers, WORKER, { ...env, ...settings }),
    async stop() {
      await Promise.all([...webs, ...workers].map((program) => program.stop()))
      await redis.stop()
      await database.drop()
    },
  }
  try {
    await runProgram(process.execPath, ['dist/src/release.js'], { env })
    await Promise.all([
      ...Array.from({ length: wanted.webs ?? 1 }, () => system.startWeb()),
      ...Array.from({ length: wanted.workers ?? 1 }, () => system.startWorker()),
    ])
    await eventually(async () => (await fetch(`${system.base}/health/ready`)).ok, { timeoutMs: 60_000 })
  } catch (error) {
    const printed = [...webs, ...workers].map((program) => program.output()).join('\n')
    await system.stop()
    throw new Error(`The system did not start: ${String(error)}\n${printed}`)
  }
  return system
}

/** Resolves once the process says that it runs. */
async function start(programs: Program[], args: string[], env: NodeJS.ProcessEnv): Promise<Program> {
  const program = startProgram(process.execPath, args, { env: { ...env, LOG_LEVEL: 'info' } })
  programs.push(program)
  await program.waitFor(/"(web|worker)\.started"/, 60_000)
  return program
}
