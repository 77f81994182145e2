import { Redis } from 'ioredis'
import { Client } from 'pg'
import { createDatabase, type TestDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { postgresUrl } from './postgres.ts'
import { type Program, runProgram, startProgram } from './program.ts'
import { startRedis, type TestRedis } from './redis.ts'

/** Secrets of an installation that can be found again wherever they are written. */
export const MARKS = {
  jwtSecret: 'MARKED-jwt-secret-of-at-least-32-bytes',
  secretsKey: 'MARKED-secrets-key-of-32-bytes!!',
  databasePassword: 'MARKED-database-password',
  redisPassword: 'MARKED-redis-password',
  metricsToken: 'MARKED-metrics-token',
}

/** The Procfile's processes with those secrets, telling all they can. Needs `npm run build` before. */
export interface MarkedSystem {
  host: string
  metricsPort: number
  database: TestDatabase
  redis: TestRedis
  /** One more process; `settings` win. */
  start(which: 'web' | 'worker', settings?: Record<string, string>): Program
  /** What all processes have printed. */
  output(): string
  /** Cuts PostgreSQL off, or lets it back in. */
  admitDatabase(admitted: boolean): Promise<void>
  /** Every row of every table, as text. */
  tables(): Promise<[name: string, text: string][]>
  /** Every key of Redis with what it holds. */
  keys(): Promise<[name: string, text: string][]>
  stop(): Promise<void>
}

const FILES = { web: 'dist/src/web.js', worker: 'dist/workers/main.js' }
const ROLE = 'marked'

export async function startMarkedSystem(): Promise<MarkedSystem> {
  const database = await createDatabase()
  const name = new URL(database.url).pathname.slice(1)
  const redis = await startRedis()
  await asOwner(`CREATE ROLE ${ROLE} LOGIN SUPERUSER PASSWORD '${MARKS.databasePassword}'`)
  await withRedis(redis.url, (client) => client.config('SET', 'requirepass', MARKS.redisPassword))
  const [port, metricsPort] = [await freePort(), await freePort()]
  const url = new URL(database.url)
  Object.assign(url, { username: ROLE, password: MARKS.databasePassword })
  const env: NodeJS.ProcessEnv = {
    ...{ PATH: process.env['PATH'], NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), LOG_LEVEL: 'trace' },
    ...{ DATABASE_URL: url.href, REDIS_URL: redisUrl(redis), JWT_SECRET: MARKS.jwtSecret },
    ...{ SECRETS_KEY: `k1:${Buffer.from(MARKS.secretsKey).toString('base64')}`, METRICS_TOKEN: MARKS.metricsToken },
    ...{ WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8', DELIVERY_RETRY_BASE_MS: '100', BOARD_READ_ONLY: 'false' },
    ...{ FAILED_LOGINS_PER_MINUTE: '100000', SHUTDOWN_SECONDS: '2' },
  }
  const programs: Program[] = []
  const start = (which: 'web' | 'worker', settings: Record<string, string> = {}) => {
    const args = ['--enable-source-maps', '--trace-warnings', FILES[which]]
    const program = startProgram(process.execPath, args, { env: { ...env, ...settings } })
    programs.push(program)
    return program
  }
  const host = `127.0.0.1:${port}`
  await runProgram(process.execPath, ['dist/src/release.js'], { env })
  start('web', { METRICS_PORT: String(metricsPort) })
  start('worker')
  await eventually(async () => (await fetch(`http://${host}/health/ready`)).ok, { timeoutMs: 60_000 })
  return {
    ...{ host, metricsPort, database, redis, start },
    output: () => programs.map((program) => program.output()).join('\n'),
    async admitDatabase(admitted) {
      await asOwner(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${admitted}`)
      if (!admitted) await asOwner(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
    },
    tables: () => readTables(database),
    keys: () => withRedis(redisUrl(redis), readKeys),
    async stop() {
      await Promise.all(programs.map((program) => program.stop()))
      await redis.stop()
      await database.drop()
      await asOwner(`DROP ROLE ${ROLE}`)
    },
  }
}

function redisUrl(redis: TestRedis): string {
  return `redis://:${MARKS.redisPassword}@127.0.0.1:${redis.port}`
}

async function asOwner(statement: string): Promise<void> {
  const client = new Client({ connectionString: postgresUrl('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function withRedis<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url)
  try {
    return await work(client)
  } finally {
    client.disconnect()
  }
}

async function readTables({ db }: TestDatabase): Promise<[string, string][]> {
  const tables = await db.query<{ name: string }>({
    text: `SELECT oid::regclass::text AS name FROM pg_class
           WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`,
  })
  return Promise.all(
    tables.map(async ({ name }): Promise<[string, string]> => {
      const rows = await db.query<{ text: string }>({ text: `SELECT t::text AS text FROM ${name} AS t` })
      return [name, rows.map((row) => row.text).join('\n')]
    }),
  )
}

async function readKeys(client: Redis): Promise<[string, string][]> {
  const read: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => client.get(key),
    list: (key) => client.lrange(key, '0', '-1'),
    set: (key) => client.smembers(key),
    zset: (key) => client.zrange(key, '0', '-1', 'WITHSCORES'),
    hash: (key) => client.hgetall(key),
    stream: (key) => client.xrange(key, '-', '+'),
  }
  const keys = await client.keys('*')
  return Promise.all(
    keys.map(async (key): Promise<[string, string]> => {
      const kind = await client.type(key)
      return [key, JSON.stringify(await read[kind]?.(key))]
    }),
  )
}
