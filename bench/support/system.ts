import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { makeToken } from '../../src/identity/make-token.ts'
import { freePort } from '../../test/support/ports.ts'
import { type Program, startProgram } from '../../test/support/program.ts'
import type { Stores } from './stores.ts'
import { insertWebhooks } from './webhooks.ts'

/** One web process and some workers, as the Procfile starts them. */
export interface BenchSystem {
  url: string
  /** Of a producer. */
  token: string
  env: NodeJS.ProcessEnv
  insertWebhooks(count: number, fields: { url: string; events: string[] }): Promise<string[]>
  stop(): Promise<void>
}

export async function startSystem(
  stores: Stores,
  options: { workers: number; env?: NodeJS.ProcessEnv },
): Promise<BenchSystem> {
  const secret = randomBytes(32).toString('hex')
  const key = randomBytes(32)
  const port = await freePort()
  const env = {
    ...process.env,
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redis.url,
    JWT_SECRET: secret,
    SECRETS_KEY: `k1:${key.toString('base64')}`,
    WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: 'warn',
    ...options.env,
  }
  const start = (file: string) => startProgram(process.execPath, [file], { env })
  const web = start('dist/src/web.js')
  const workers = Array.from({ length: options.workers }, () => start('dist/workers/main.js'))
  const url = `http://127.0.0.1:${port}`
  await untilReady(url, web)
  return {
    url,
    env,
    token: makeToken({ secret }, { sub: 'bench', role: 'producer', tier: 'free' }, 3600),
    insertWebhooks: (count, fields) => insertWebhooks(stores.db, key, count, fields),
    stop: async () => void (await Promise.all([web, ...workers].map((program) => program.stop()))),
  }
}

async function untilReady(url: string, web: Program): Promise<void> {
  const ready = () =>
    fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await ready())) {
    if (!web.running()) throw new Error(`The web process ended:\n${web.output()}`)
    await setTimeout(100)
  }
}
